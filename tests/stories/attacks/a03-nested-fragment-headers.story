# A03 (CVE-2023-4809): two fragment headers in one packet.
config <<END
Iface wan { index: 0, address6: 2001:db8:1::1/64, gateway6: 2001:db8:1::fe }
Iface lan { index: 1, address6: 2001:db8:2::1/64 }
Gateway gw {
  r1: { net: 2001:db8:1::/64, iface: wan },
  r2: { net: 2001:db8:2::/64, iface: lan },
  r3: { net: ::/0, iface: wan }
}
END

+0ms in wan hex 6000000000182c40 20010db8000100000000000000000009 20010db8000200000000000000000009 2c00000000000007 1100000000000008 0001000200080000
     drop NestedFragment wan
