# RFC 5382 REQ-4: an unsolicited SYN is not answered where the input chain drops it; the host's own SYN passes.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true, input: quiet }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Filter::IP quiet { if (ct.state == established) { accept } drop }
END

+0ms in  wan tcp 203.0.113.1:5000 > 198.51.100.1:4000 S
     drop input wan
+3s  in  lan tcp 10.1.0.9:4000 > 203.0.113.1:5000 S
     out wan tcp 198.51.100.1:4000 > 203.0.113.1:5000 S
+1ms in  wan tcp 203.0.113.1:5000 > 198.51.100.1:4000 SA
     out lan tcp 203.0.113.1:5000 > 10.1.0.9:4000 SA
