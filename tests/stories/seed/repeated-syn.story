# Without an answer a connection is new still: its second SYN passes by the rule that let the first one in.
config ../../../examples/seed.nacl

+0s  in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 S
     log info     "New connection established (from 203.0.113.9)"
     out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S

+1s  in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:80 S
     log info     "New connection established (from 203.0.113.9)"
     out inside   tcp 203.0.113.9:4000 > 192.168.0.50:80 S
