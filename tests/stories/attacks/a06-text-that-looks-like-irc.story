# A06 (CVE-2022-2663): text that looks like a DCC command opens no port.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Filter::IP guard { if (ct.state == established) { accept } if (ct.state == related) { accept } if (iif == lan) { accept } drop }
END

+0ms  in  lan tcp 10.1.0.9:4000 > 203.0.113.9:6667 S
      out wan tcp 198.51.100.1:4000 > 203.0.113.9:6667 S
+20ms in  wan tcp 203.0.113.9:6667 > 198.51.100.1:4000 SA
      out lan tcp 203.0.113.9:6667 > 10.1.0.9:4000 SA
+1ms  in  lan tcp 10.1.0.9:4000 > 203.0.113.9:6667 PA data "PRIVMSG x :.DCC SEND f 167837705 5555 9."
      out wan tcp 198.51.100.1:4000 > 203.0.113.9:6667 PA data "PRIVMSG x :.DCC SEND f 167837705 5555 9."
+1ms  in  wan tcp 203.0.113.9:7000 > 198.51.100.1:5555 S
      local wan
      out wan tcp 198.51.100.1:5555 > 203.0.113.9:7000 RA
+1ms  in  wan tcp 203.0.113.9:7000 > 10.1.0.9:5555 S
      drop forward wan
