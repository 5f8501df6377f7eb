config ../../nacl/upstream-syslog.nacl

+0ms in eth0 udp 10.0.0.7:1 > 10.0.0.45:2
     log debug "Incoming packet from 10.0.0.7"
     log info  "Accepting packet from acceptable saddr 10.0.0.7"
     local eth0
     out eth0 icmp unreachable-port 10.0.0.45 > 10.0.0.7
