# A21 (CVE-2019-14899): a neighbor asks for the address of another Iface, as behind a tunnel. It is reached only if the
# forward chain lets it through, and not at all by an Iface that no route names.
config <<END
Iface wlan { index: 0, address: 192.168.7.1, netmask: 255.255.255.0 }
Iface tunnel { index: 1, address: 10.8.0.2, netmask: 255.255.255.0 }
Iface lan { index: 2, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 10.8.0.0/24, iface: tunnel },
  r2: { net: 10.1.0.0/24, iface: lan }
}
Filter::IP guard { if (ct.state == established) { accept } if (iif == lan and oif == tunnel and not ip.daddr == 10.8.0.2) { accept } drop }
END

+0ms in wlan tcp 192.168.7.9:4000 > 10.8.0.2:80 SA
     drop NotForwarding wlan
+0ms in lan tcp 10.1.0.9:4000 > 10.8.0.2:80 SA
     drop forward lan
+0ms in wlan arp who-has 10.8.0.2 tell 192.168.7.9
