# A05 (CVE-2021-3773, port shadow): a host behind the translation cannot take a published port, nor another host's
# mapping.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, prerouting: publish, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Nat::IP publish { Nat::TCP { if (ip.daddr == 198.51.100.1 and tcp.dport == 443) { dnat(10.1.0.80) } } }
Filter::IP guard { if (ct.state == established) { accept } if (iif == lan or ip.daddr == 10.1.0.80) { accept } drop }
END

# The host speaks from the published port,
+0ms in  lan tcp 10.1.0.9:443 > 203.0.113.9:5000 S
     out wan tcp 198.51.100.1:443 > 203.0.113.9:5000 S
# and everybody else still reaches the service.
+1ms in  wan tcp 192.0.2.7:6000 > 198.51.100.1:443 S
     out lan tcp 192.0.2.7:6000 > 10.1.0.80:443 S
# Another host with the same port gets a mapping of its own.
+1ms in  lan tcp 10.1.0.8:443 > 203.0.113.9:5000 S
     out wan tcp 198.51.100.1:$other > 203.0.113.9:5000 S
+1ms in  wan tcp 203.0.113.9:5000 > 198.51.100.1:$other SA
     out lan tcp 203.0.113.9:5000 > 10.1.0.8:443 SA
