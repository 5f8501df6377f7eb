#!/bin/busybox sh
# The first and only program of the Linux router: modules, addresses, rules, and then nothing but the kernel's own work.
# NIC_A, NIC_B (MAC addresses), ADDRESS_A and ADDRESS_B come from the kernel's command line.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
busybox mount -t proc none /proc
busybox mount -t sysfs none /sys
busybox mount -t devtmpfs none /dev
while read -r module; do
  busybox insmod "/modules/$module" || echo "no module $module"
done < /modules/order

for device in /sys/class/net/*; do
  name=${device##*/}
  read -r mac < "$device/address"
  [ "$mac" = "$NIC_A" ] && a=$name
  [ "$mac" = "$NIC_B" ] && b=$name
done
busybox ip link set lo up
busybox ip address add "$ADDRESS_A" dev "$a"
busybox ip address add "$ADDRESS_B" dev "$b"
busybox ip link set "$a" up
busybox ip link set "$b" up
[ -e /proc/sys/net/netfilter/nf_conntrack_max ] && echo 262144 > /proc/sys/net/netfilter/nf_conntrack_max

# A router that forwards before its rules are loaded would be measured without them.
if [ -s /rules ]; then
  busybox sed -i "s/@A@/$a/g; s/@B@/$b/g" /rules
  case $(busybox head -c 1 /rules) in
    '*') iptables-restore /rules ;;
    *) nft -f /rules ;;
  esac || { echo "the rules do not load"; exec busybox sleep 1000000; }
fi
echo 1 > /proc/sys/net/ipv4/ip_forward
echo "ready: Linux $(busybox uname -r)"
exec busybox sleep 1000000
