import { ipv4Range, nonPublicRanges, type EgressRule } from '@wherry/domain';
import { seccompFilter } from './seccomp';

/**
 * The network between a sandbox and its slirp4netns: from the range for benchmarks (RFC 2544), which no real network
 * uses, so that all private ranges can be refused. slirp4netns gives .2 to itself, .3 to its resolver, .100 inside.
 */
const cidr = '198.18.0.0/24';
const resolver = '198.18.0.3';

/** Refused in every sandbox. The host's own addresses are added when the sandbox starts. */
export const refusedRanges = [...nonPublicRanges.map((range) => range.cidr), '::/0'];

/**
 * Rules, as `ip -batch` reads them, that let nothing but these destinations and the resolver have a route at all. What
 * is refused stays so: a rule only leads to the routes, where the refused ranges are. The kernel asks the rules with
 * the port of each connection, and only someone with capabilities can change them.
 * @throws RangeError for what is no range or no port.
 */
export function rulesText(egress: readonly EgressRule[]): string {
  const selectors = egress.flatMap(({ cidr: range, ports }) => {
    if (!ipv4Range(range)) throw new RangeError('A way out leads to IPv4 ranges such as 203.0.113.0/24.');
    if (ports?.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535)) {
      throw new RangeError('A port is a whole number from 1 to 65535.');
    }
    return ports?.map((port) => `to ${range} ipproto tcp dport ${port}`) ?? [`to ${range}`];
  });
  const allowed = [`to ${cidr}`, ...selectors].map((selector) => `${selector} lookup main`);
  return [...allowed, 'unreachable'].map((rule, index) => `rule add ${rule} priority ${index + 1}\n`).join('');
}

/**
 * Opens the way out beside the start of the sandbox, so that a cold start does not wait for it. Order matters: the
 * routes that refuse are in the sandbox's namespace before the only way out of it is, and any failure leaves it closed.
 * The command inside has no capability to change them. `$1` is the identity: empty in a user namespace, which has to be
 * entered as well. `$2` is rules, or empty.
 *
 * The shell waits for bubblewrap, which it will have become (`$$`), to have a child in another network namespace. The
 * parent-death signal ends slirp4netns with the sandbox. As root, slirp4netns gets mounts of its own first: its way of
 * shutting itself in would unmount the named network namespaces of the whole machine, where /run/netns is shared.
 */
const openTheWayOut = `
sleep 0.02 # The two are one processor's work each; the sandbox comes first.
host=$(readlink /proc/$$/ns/net)
tries=0 inside=
while [ -z "$inside" ]; do
  for child in $(cat /proc/$$/task/$$/children); do
    network=$(readlink "/proc/$child/ns/net") && [ "$network" != "$host" ] && inside=$child
  done
  tries=$((tries + 1))
  [ "$tries" -lt 500 ] || exit 1
  [ -n "$inside" ] || sleep 0.01
done
if [ -n "$1" ]; then
  enter="--net=/proc/$inside/ns/net"; target="$inside"; own="unshare --mount"
else
  enter="--preserve-credentials --user=/proc/$inside/ns/user --net=/proc/$inside/ns/net"
  target="--userns-path=/proc/$inside/ns/user --netns-type=path /proc/$inside/ns/net"; own=
fi
{
  printf %s "$2"
  ip -4 -oneline address show | while read -r _ _ _ address _; do
    echo "route replace unreachable \${address%%/*}"
  done
  for range in ${refusedRanges.join(' ')}; do echo "route replace unreachable $range"; done
} | nsenter $enter ip -batch - || exit 1
exec $own setpriv --pdeathsig KILL slirp4netns --configure --mtu=65520 --cidr=${cidr} \\
  --disable-host-loopback --enable-sandbox --enable-seccomp $target tap0`;

/** As printf takes it: text has no null bytes, and a filter has many. */
const filter = [...seccompFilter()].map((byte) => `\\${byte.toString(8)}`).join('');

/**
 * Becomes bubblewrap. Fixed text; arguments: egress, identity, rules, bubblewrap's arguments. Descriptors 3 to 7 hold stand-ins
 * for files of /etc. Descriptor 8 holds the filter of system calls: a document gives a pipe, or in some shells a file;
 * its one line is read, and the filter written behind it. Without a filter bubblewrap starts nothing. A core dump would carry secrets to a disk; a limit of one byte, and not of zero, also keeps the
 * kernel from piping it to a collector (core(5)).
 */
export const launchScript = `
PATH=/usr/bin:/bin:/usr/sbin:/sbin
egress=$1 identity=$2 rules=$3
shift 3
if [ "$egress" = slirp4netns ]; then
  ( set -- "$identity" "$rules"
${openTheWayOut}
  ) >/dev/null 2>&1 &
fi
exec 8<<PIPE
.
PIPE
read -r _ <&8
printf '${filter}' >>/proc/self/fd/8
uid=\${identity:-$(id -u)}
exec prlimit --core=1:1 -- bwrap "$@" 3<<PASSWD 4<<GROUP 5<<HOSTS 6<<NSSWITCH 7<<RESOLV
app:x:$uid:$uid::/tmp:/bin/sh
PASSWD
app:x:$uid:
GROUP
127.0.0.1 localhost wherry
::1 localhost
HOSTS
passwd: files
group: files
hosts: files dns
NSSWITCH
$([ "$egress" = slirp4netns ] && echo nameserver ${resolver})
RESOLV
`;
