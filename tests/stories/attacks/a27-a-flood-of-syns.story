# A27: a flood of connections from everywhere fills the table; the connection that stands goes on, and what is new has
# to give way to what is half open and older.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  forward: guard,
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
Conntrack c { limit: 4 }
Filter::IP guard { accept }
END

+0ms  in  lan tcp 10.1.0.9:4000 > 203.0.113.9:80 S seq 1000
      out wan tcp 10.1.0.9:4000 > 203.0.113.9:80 S
+20ms in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 SA seq 5000 ack 1001
      out lan tcp 203.0.113.9:80 > 10.1.0.9:4000 SA
+20ms in  lan tcp 10.1.0.9:4000 > 203.0.113.9:80 A seq 1001 ack 5001
      out wan tcp 10.1.0.9:4000 > 203.0.113.9:80 A

+0ms in  wan tcp 203.0.113.20:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.20:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.21:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.21:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.22:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.22:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.23:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.23:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.24:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.24:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.25:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.25:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.26:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.26:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.27:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.27:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.28:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.28:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.29:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.29:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.30:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.30:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.31:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.31:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.32:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.32:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.33:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.33:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.34:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.34:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.35:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.35:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.36:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.36:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.37:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.37:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.38:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.38:4000 > 10.1.0.9:80 S
+0ms in  wan tcp 203.0.113.39:4000 > 10.1.0.9:80 S
     out lan tcp 203.0.113.39:4000 > 10.1.0.9:80 S
# The standing connection is still known.
+1ms in  wan tcp 203.0.113.9:80 > 10.1.0.9:4000 PA data "x"
     out lan tcp 203.0.113.9:80 > 10.1.0.9:4000 PA data "x"
