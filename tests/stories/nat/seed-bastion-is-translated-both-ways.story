# In with the inside address of the box as its source, back with its own.
config ../../../examples/seed-nat.nacl

+0ms  in  outside  tcp 10.55.1.1:1000 > 10.0.0.2:5001 S
      out inside   tcp 192.168.0.1:1000 > 192.168.0.54:5001 S via 192.168.0.54

+20ms in  inside   tcp 192.168.0.54:5001 > 192.168.0.1:1000 SA
      log info     "Accepting packet from an already established connection (from *)"
      out outside  tcp 10.0.0.2:5001 > 10.55.1.1:1000 SA via 10.0.0.1

+20ms in  outside  tcp 10.55.1.1:1000 > 10.0.0.2:5001 A
      log info     "Accepting packet from an already established connection (from 10.55.1.1)"
      out inside   tcp 192.168.0.1:1000 > 192.168.0.54:5001 A
