# Broadcasts are for the box at most, and never forwarded.
config ../../../examples/seed.nacl

+0ms in  outside  udp 10.0.0.77:68 > 255.255.255.255:67
     local outside

+0ms in  outside  udp 10.0.0.77:1000 > 10.0.0.255:9
     local outside
