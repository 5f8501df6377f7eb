# A ping gets in; its answer meets the output chain.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, output: o }
Filter::IP o { drop }
END

+0ms in e icmp echo-request 10.0.0.9 > 10.0.0.45 echo 7/1
     local e
     drop output e
