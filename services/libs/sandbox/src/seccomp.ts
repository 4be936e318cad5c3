/**
 * The system calls that a sandbox refuses, as a filter for bubblewrap's `--seccomp`. Namespaces and lost capabilities
 * hold nearly everything; this holds what they leave open:
 *
 * - socket families that know no network namespace, above all AF_VSOCK, which reaches the machine's hypervisor and its
 *   neighbours; only unix, IPv4, IPv6 and netlink are left;
 * - io_uring, which makes sockets behind the filter's back;
 * - new namespaces: inside its own user namespace any user has all capabilities, and with them all of the kernel's
 *   rarely used code;
 * - keyrings, which no namespace separates by process, and which a sandbox inherits from whoever started the platform;
 * - bpf, perf_event_open and userfaultfd, with which kernels are attacked.
 */

/** `struct seccomp_data` and the classic BPF of seccomp(2) and bpf(4) in the kernel's `Documentation/networking/filter`. */
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const number = load(0);
const architecture = load(4);
/** The lower half of the first argument; both machines are little-endian. */
const firstArgument = load(16);
const allow: Instruction = [0x06, 0, 0, 0x7fff0000];
const fail = (errno: number): Instruction => [0x06, 0, 0, 0x00050000 | errno];
/** Runs `then` when what was loaded is so, else goes on behind it. */
const whenEqual = (value: number, ...then: Instruction[]): Instruction[] => [[0x15, 0, then.length, value], ...then];
const whenAtLeast = (value: number, ...then: Instruction[]): Instruction[] => [[0x35, 0, then.length, value], ...then];
const whenAnyBit = (bits: number, ...then: Instruction[]): Instruction[] => [[0x45, 0, then.length, bits], ...then];

/** Code, jump if true, jump if false, value. */
type Instruction = readonly [code: number, yes: number, no: number, value: number];

const errno = { notPermitted: 1, noSuchCall: 38, noSuchFamily: 97 } as const;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (which lists a machine's own addresses). */
const families = [1, 2, 10, 16];
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (clone(2)). */
const newNamespaces = 0x7e020000;

/** Numbers of system calls, from the kernel's tables; those from 424 on are the same everywhere. */
type Calls = Readonly<{ refused: readonly number[]; clone: number; sockets: readonly number[] }>;
/** io_uring_setup, io_uring_enter, io_uring_register. */
const ioUring = [425, 426, 427];
const clone3 = 435;
const machines: readonly Readonly<{ audit: number; calls: Calls; firstForeign?: number }>[] = [
  {
    audit: 0xc000003e, // AUDIT_ARCH_X86_64
    // unshare, setns, add_key, request_key, keyctl, bpf, perf_event_open, userfaultfd; socket and socketpair.
    calls: { refused: [272, 308, 248, 249, 250, 321, 298, 323, ...ioUring], clone: 56, sockets: [41, 53] },
    firstForeign: 0x40000000, // The x32 calls: the same ones under other numbers.
  },
  {
    audit: 0xc00000b7, // AUDIT_ARCH_AARCH64
    calls: { refused: [97, 268, 217, 218, 219, 280, 241, 282, ...ioUring], clone: 220, sockets: [198, 199] },
  },
];

/** The filter as the kernel reads it. Pure. A call of another architecture, such as 32-bit ones, does not exist. */
export function seccompFilter(): Uint8Array {
  const sections = machines.flatMap(({ audit, calls, firstForeign }) =>
    whenEqual(
      audit,
      number,
      ...(firstForeign === undefined ? [] : whenAtLeast(firstForeign, fail(errno.noSuchCall))),
      ...calls.refused.flatMap((call) => whenEqual(call, fail(errno.notPermitted))),
      // Its flags are in memory, where a filter cannot look; callers then try clone, whose flags are arguments.
      ...whenEqual(clone3, fail(errno.noSuchCall)),
      ...whenEqual(calls.clone, firstArgument, ...whenAnyBit(newNamespaces, fail(errno.notPermitted)), allow),
      ...calls.sockets.flatMap((call) =>
        whenEqual(
          call,
          firstArgument,
          ...families.flatMap((family) => whenEqual(family, allow)),
          fail(errno.noSuchFamily),
        ),
      ),
      allow,
    ),
  );
  return encode([architecture, ...sections, fail(errno.noSuchCall)]);
}

/** `struct sock_filter`: 16 bits of code, two jumps of 8 bits, 32 bits of value. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, yes, no, value], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(yes, index * 8 + 2);
    bytes.writeUInt8(no, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  });
  return bytes;
}
