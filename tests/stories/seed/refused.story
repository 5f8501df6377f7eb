# What no rule lets in is dropped, and the log says so.
config ../../../examples/seed.nacl

# 192.168.0.5 is below the allowed hosts.
+0ms in  outside  tcp 203.0.113.9:4000 > 192.168.0.5:80 S
     log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.5" from 192.168.0.1
     drop forward outside

# Port 22 is no allowed service.
+0ms in  outside  tcp 203.0.113.9:4000 > 192.168.0.50:22 S
     log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50"
     drop forward outside

# The rules for TCP do not see UDP, …
+0ms in  outside  udp 203.0.113.9:4000 > 192.168.0.50:80
     log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50"
     drop forward outside

# … nor any other protocol.
+0ms in  outside  gre 203.0.113.9 > 192.168.0.50
     log warning  "Dropping packet from saddr 203.0.113.9 to 192.168.0.50"
     drop forward outside

# From inside, too, connections may be opened to allowed hosts only.
+0ms in  inside   tcp 192.168.0.50:5000 > 203.0.113.9:443 S
     log warning  "Dropping packet from saddr 192.168.0.50 to 203.0.113.9"
     drop forward inside
