# A destination that is no host's is not translated: what answered it would speak for everybody.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, prerouting: here }
Nat::IP here { Nat::TCP { redirect(8000) } Nat::UDP { redirect(5353) } }
END

+0ms in a tcp 10.0.0.9:5000 > 255.255.255.255:4444 S
     local a
+0ms in a udp 10.0.0.9:5000 > 10.0.0.1:4444
     out a icmp unreachable-port 10.0.0.1 > 10.0.0.9 [udp 10.0.0.9:5000 > 10.0.0.1:4444]
