# A Linux host that sends from an address of its loopback asks for its next hop in the name of that address. It is
# answered; but what it says of itself is not believed, and other addresses than ours are none of our business.
config ../../../examples/seed.nacl

+0ms in  outside  arp who-has 10.0.0.2 tell 10.55.1.1
     out outside  arp 10.0.0.2 is-at *

+0ms in  outside  arp who-has 10.0.0.9 tell 10.55.1.1
     drop BadNeighborMessage outside
