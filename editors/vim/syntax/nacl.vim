" NaCl, the configuration language of Saltgate. The lists of words are held against the compiler's own by a test.
if exists('b:current_syntax')
  finish
endif

syntax case ignore
syntax iskeyword @,48-57,_,-

syntax match naclName "\<\a[[:alnum:]_-]*\>"
syntax match naclOperator "[=!<>]=\|[<>!]\|&&\|||"
syntax match naclNumber "\<\d\+\>"
syntax match naclAddress "\<\d\+\%(\.\d\+\)\{3}\%(/\d\+\)\?\>"
syntax match naclAddress "\%([[:alnum:]:.]\)\@<!\x*:\x*:[[:xdigit:]:]*\%(\.\d\+\)\{0,3}\%(/\d\+\)\?"
syntax match naclDefined "\<\a[[:alnum:]_-]*\>\ze\s*:\%([^:]\|$\)"

" Words of the language: begin
syntax case match
syntax keyword naclKeyword if else
syntax keyword naclOperatorWord and or not in IN
syntax keyword naclBoolean true false
syntax case ignore
syntax keyword naclFunctionType Filter Nat
syntax keyword naclLoneField iifname oifname iif oif
syntax match naclPredefined "\<\%(destination-unreachable\|neighbor-advertisement\|neighbor-solicitation\|router-advertisement\|router-solicitation\|parameter-problem\|timestamp-request\|timestamp-reply\|packet-too-big\|time-exceeded\|echo-request\|established\|echo-reply\|redirect\|invalid\|related\|icmpv6\|https\|http\|icmp\|ack\|cwr\|dns\|ece\|fin\|new\|psh\|rst\|ssh\|syn\|tcp\|udp\|urg\|ip\|ns\)\>"
syntax match naclWord "\<\%(dhcp-with-fallback\|port-unreachable\|stack-sampling\|round_robin\|tcp-reset\|timestamp\|memory\|static\|strict\|timers\|loose\|stats\|dhcp\|cpu\|lb\)\>"
syntax match naclAction "\<\%(masquerade\|redirect\|accept\|reject\|syslog\|limit\|dnat\|drop\|snat\|log\)\>"
syntax match naclType "\<\%(Load_balancer\|Conntrack\|Gateway\|Syslog\|Iface\|Timer\)\>\ze\s\+\a"
syntax match naclSubtype "\%(::\s*\)\@<=\%(ICMPv6\|ICMP\|TCP\|UDP\|IP\)\>"
syntax match naclSeverity "\%(syslog\s*(\s*\)\@<=\%(WARNING\|NOTICE\|ALERT\|DEBUG\|EMERG\|CRIT\|INFO\|ERR\)\>"
syntax match naclKey "\<\%(send_time_exceeded\|send_queue_limit\|send_unreachable\|wait_queue_limit\|session_limit\|buffer_limit\|reverse_path\|stateful_tcp\|established\|postrouting\|unconfirmed\|masquerade\|prerouting\|algorithm\|confirmed\|address6\|gateway6\|interval\|address\|clients\|forward\|gateway\|netmask\|nexthop\|reserve\|servers\|timeout\|config\|output\|burst\|iface\|index\|input\|layer\|limit\|other\|cost\|data\|host\|icmp\|pool\|port\|rate\|vlan\|dns\|mtu\|net\|tcp\|udp\)\>\ze\s*:\%([^:]\|$\)"
syntax match naclField "\<\%(ip\s*\.\s*\%(hdrlength\|checksum\|frag-off\|protocol\|version\|length\|daddr\|saddr\|dscp\|ecn\|ttl\|id\)\|tcp\s*\.\s*\%(checksum\|reserved\|sequence\|ackseq\|urgptr\|window\|dport\|flags\|sport\|doff\|ack\|cwr\|ece\|fin\|psh\|rst\|syn\|urg\|ns\)\|udp\s*\.\s*\%(checksum\|length\|dport\|sport\)\|icmp\s*\.\s*\%(type\)\|icmpv6\s*\.\s*\%(type\)\|ct\s*\.\s*\%(state\)\)\>"
" Words of the language: end

syntax match naclComment "#.*$" contains=naclTodo,@Spell
syntax match naclComment "//.*$" contains=naclTodo,@Spell
syntax region naclComment start="/\*" end="\*/" contains=naclTodo,@Spell
syntax keyword naclTodo TODO FIXME XXX contained
syntax match naclEscape "\\[ntr\\\"]" contained
syntax region naclString start=+"+ skip=+\\.+ end=+"\|$+ contains=naclEscape,@Spell

highlight default link naclAction Function
highlight default link naclAddress Number
highlight default link naclBoolean Boolean
highlight default link naclComment Comment
highlight default link naclDefined Identifier
highlight default link naclEscape SpecialChar
highlight default link naclField Special
highlight default link naclFunctionType StorageClass
highlight default link naclKey Label
highlight default link naclKeyword Conditional
highlight default link naclLoneField Special
highlight default link naclNumber Number
highlight default link naclOperator Operator
highlight default link naclOperatorWord Operator
highlight default link naclPredefined Constant
highlight default link naclSeverity Constant
highlight default link naclString String
highlight default link naclSubtype Type
highlight default link naclTodo Todo
highlight default link naclType StorageClass
highlight default link naclWord Constant

let b:current_syntax = 'nacl'
