# A membership query is not for us, and never forwarded.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0 }
END

+0ms in e ip igmp 10.0.0.9 > 224.0.0.1 ttl 1 len 28
     drop NotForwardable e
