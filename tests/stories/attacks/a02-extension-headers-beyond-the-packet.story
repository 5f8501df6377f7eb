# A02 (CVE-2019-5597): a first fragment whose extension header claims more bytes than there are.
config <<END
Iface wan { index: 0, address6: 2001:db8:1::1/64, gateway6: 2001:db8:1::fe }
Iface lan { index: 1, address6: 2001:db8:2::1/64 }
Gateway gw {
  r1: { net: 2001:db8:1::/64, iface: wan },
  r2: { net: 2001:db8:2::/64, iface: lan },
  r3: { net: ::/0, iface: wan }
}
END

# Destination options of 2,048 bytes in a packet of 64.
+0ms in wan hex 6000000000183c40 20010db8000100000000000000000009 20010db8000200000000000000000009 2cff010400000000 1100000100000007 0001000200080000
     drop ExtensionHeaders wan
# The same in a first fragment, behind the fragment header.
+0ms in wan hex 6000000000182c40 20010db8000100000000000000000009 20010db8000200000000000000000009 3c00000100000007 11ff010400000000 0001000200080000
     drop TinyFragment wan
