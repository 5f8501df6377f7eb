# Two may wait; the third is refused.
config <<END
Iface outside { address: 10.20.17.71, netmask: 255.255.255.0, index: 0 }
Iface inside { address: 10.20.17.72, netmask: 255.255.255.0, index: 1 }
Load_balancer lb {
  layer: tcp,
  clients: { iface: outside, port: 80, wait_queue_limit: 2 },
  servers: { iface: inside, algorithm: round_robin, pool: [ { address: 10.20.17.81, port: 80 } ] }
}
END

+0s   start
      out inside tcp 10.20.17.72:$a > 10.20.17.81:80 S
+1ms  in inside tcp 10.20.17.81:80 > 10.20.17.72:$a RA
+1ms  in outside tcp 10.20.17.5:1000 > 10.20.17.71:80 S
+1ms  in outside tcp 10.20.17.6:1000 > 10.20.17.71:80 S
+1ms  in outside tcp 10.20.17.7:1000 > 10.20.17.71:80 S
      out outside tcp 10.20.17.71:80 > 10.20.17.7:1000 RA
      drop BalancerFull outside
