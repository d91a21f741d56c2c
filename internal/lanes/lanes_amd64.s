//go:build !purego

#include "textflag.h"

// Two SHA-256 streams (FIPS 180-4), four rounds of the one and four of the other
// in turn, with the SHA extensions of x86 as Intel's "Intel SHA Extensions" paper
// describes them. One stream alone waits for the result of SHA256RNDS2 most of
// the time; the other one's rounds fill the gap.
//
// Registers: X1 X2 state of stream 1 (ABEF, CDGH), X3-X6 its message schedule;
// X7 X8 and X9-X12 the same for stream 2; X0 round input (implied operand),
// X13 scratch, X14 byte order.

DATA flip<>+0(SB)/8, $0x0405060700010203
DATA flip<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL flip<>(SB), RODATA|NOPTR, $16

DATA k<>+0x00(SB)/8, $0x71374491428a2f98
DATA k<>+0x08(SB)/8, $0xe9b5dba5b5c0fbcf
DATA k<>+0x10(SB)/8, $0x59f111f13956c25b
DATA k<>+0x18(SB)/8, $0xab1c5ed5923f82a4
DATA k<>+0x20(SB)/8, $0x12835b01d807aa98
DATA k<>+0x28(SB)/8, $0x550c7dc3243185be
DATA k<>+0x30(SB)/8, $0x80deb1fe72be5d74
DATA k<>+0x38(SB)/8, $0xc19bf1749bdc06a7
DATA k<>+0x40(SB)/8, $0xefbe4786e49b69c1
DATA k<>+0x48(SB)/8, $0x240ca1cc0fc19dc6
DATA k<>+0x50(SB)/8, $0x4a7484aa2de92c6f
DATA k<>+0x58(SB)/8, $0x76f988da5cb0a9dc
DATA k<>+0x60(SB)/8, $0xa831c66d983e5152
DATA k<>+0x68(SB)/8, $0xbf597fc7b00327c8
DATA k<>+0x70(SB)/8, $0xd5a79147c6e00bf3
DATA k<>+0x78(SB)/8, $0x1429296706ca6351
DATA k<>+0x80(SB)/8, $0x2e1b213827b70a85
DATA k<>+0x88(SB)/8, $0x53380d134d2c6dfc
DATA k<>+0x90(SB)/8, $0x766a0abb650a7354
DATA k<>+0x98(SB)/8, $0x92722c8581c2c92e
DATA k<>+0xa0(SB)/8, $0xa81a664ba2bfe8a1
DATA k<>+0xa8(SB)/8, $0xc76c51a3c24b8b70
DATA k<>+0xb0(SB)/8, $0xd6990624d192e819
DATA k<>+0xb8(SB)/8, $0x106aa070f40e3585
DATA k<>+0xc0(SB)/8, $0x1e376c0819a4c116
DATA k<>+0xc8(SB)/8, $0x34b0bcb52748774c
DATA k<>+0xd0(SB)/8, $0x4ed8aa4a391c0cb3
DATA k<>+0xd8(SB)/8, $0x682e6ff35b9cca4f
DATA k<>+0xe0(SB)/8, $0x78a5636f748f82ee
DATA k<>+0xe8(SB)/8, $0x8cc7020884c87814
DATA k<>+0xf0(SB)/8, $0xa4506ceb90befffa
DATA k<>+0xf8(SB)/8, $0xc67178f2bef9a3f7
GLOBL k<>(SB), RODATA|NOPTR, $256

// LOADSTATE brings eight words into the order of the rounds.
#define LOADSTATE(ptr, s0, s1) \
	MOVOU   (ptr), s0       \
	MOVOU   16(ptr), s1     \
	PSHUFD  $0xb1, s0, s0   \
	PSHUFD  $0x1b, s1, s1   \
	MOVO    s0, X13         \
	PALIGNR $8, s1, s0      \
	PBLENDW $0xf0, X13, s1

// STORESTATE undoes LOADSTATE.
#define STORESTATE(ptr, s0, s1) \
	PSHUFD  $0x1b, s0, s0   \
	PSHUFD  $0xb1, s1, s1   \
	MOVO    s0, X13         \
	PBLENDW $0xf0, s1, s0   \
	PALIGNR $8, X13, s1     \
	MOVOU   s0, (ptr)       \
	MOVOU   s1, 16(ptr)

// INPUT loads four words of a block.
#define INPUT(off, ptr, m) \
	MOVOU  off(ptr), m \
	PSHUFB X14, m

// ROUNDS does four rounds with the words in m and the constants at off.
#define ROUNDS(off, m, s0, s1) \
	MOVO        m, X0        \
	PADDD       off(AX), X0  \
	SHA256RNDS2 X0, s0, s1   \
	PSHUFD      $0x0e, X0, X0 \
	SHA256RNDS2 X0, s1, s0

// EXTEND completes the words of the next four rounds but three.
#define EXTEND(cur, prev, next) \
	MOVO       cur, X13      \
	PALIGNR    $4, prev, X13 \
	PADDD      X13, next     \
	SHA256MSG2 cur, next

// FULL is one step in the middle: four rounds and both halves of the schedule.
#define FULL(off, cur, prev, next, s0, s1) \
	ROUNDS(off, cur, s0, s1) \
	EXTEND(cur, prev, next)  \
	SHA256MSG1 cur, prev

// BOTH does FULL for the two streams; the numbers are those of stream 1.
#define BOTH(off, c, p, n, c2, p2, n2) \
	FULL(off, c, p, n, X1, X2)    \
	FULL(off, c2, p2, n2, X7, X8)

// func blocksSHA(a, b *[8]uint32, p, q *byte, n int)
TEXT ·blocksSHA(SB), NOSPLIT, $64-40
	MOVQ a+0(FP), DI
	MOVQ b+8(FP), R8
	MOVQ p+16(FP), SI
	MOVQ q+24(FP), R9
	MOVQ n+32(FP), CX
	TESTQ CX, CX
	JZ   done
	LEAQ k<>(SB), AX
	MOVOU flip<>(SB), X14
	LOADSTATE(DI, X1, X2)
	LOADSTATE(R8, X7, X8)

loop:
	MOVOU X1, 0(SP)
	MOVOU X2, 16(SP)
	MOVOU X7, 32(SP)
	MOVOU X8, 48(SP)

	INPUT(0, SI, X3)
	ROUNDS(0x00, X3, X1, X2)
	INPUT(0, R9, X9)
	ROUNDS(0x00, X9, X7, X8)

	INPUT(16, SI, X4)
	ROUNDS(0x10, X4, X1, X2)
	SHA256MSG1 X4, X3
	INPUT(16, R9, X10)
	ROUNDS(0x10, X10, X7, X8)
	SHA256MSG1 X10, X9

	INPUT(32, SI, X5)
	ROUNDS(0x20, X5, X1, X2)
	SHA256MSG1 X5, X4
	INPUT(32, R9, X11)
	ROUNDS(0x20, X11, X7, X8)
	SHA256MSG1 X11, X10

	INPUT(48, SI, X6)
	INPUT(48, R9, X12)
	BOTH(0x30, X6, X5, X3, X12, X11, X9)
	BOTH(0x40, X3, X6, X4, X9, X12, X10)
	BOTH(0x50, X4, X3, X5, X10, X9, X11)
	BOTH(0x60, X5, X4, X6, X11, X10, X12)
	BOTH(0x70, X6, X5, X3, X12, X11, X9)
	BOTH(0x80, X3, X6, X4, X9, X12, X10)
	BOTH(0x90, X4, X3, X5, X10, X9, X11)
	BOTH(0xa0, X5, X4, X6, X11, X10, X12)
	BOTH(0xb0, X6, X5, X3, X12, X11, X9)
	BOTH(0xc0, X3, X6, X4, X9, X12, X10)

	ROUNDS(0xd0, X4, X1, X2)
	EXTEND(X4, X3, X5)
	ROUNDS(0xd0, X10, X7, X8)
	EXTEND(X10, X9, X11)
	ROUNDS(0xe0, X5, X1, X2)
	EXTEND(X5, X4, X6)
	ROUNDS(0xe0, X11, X7, X8)
	EXTEND(X11, X10, X12)
	ROUNDS(0xf0, X6, X1, X2)
	ROUNDS(0xf0, X12, X7, X8)

	MOVOU 0(SP), X13
	PADDD X13, X1
	MOVOU 16(SP), X13
	PADDD X13, X2
	MOVOU 32(SP), X13
	PADDD X13, X7
	MOVOU 48(SP), X13
	PADDD X13, X8

	ADDQ $64, SI
	ADDQ $64, R9
	DECQ CX
	JNZ  loop

	STORESTATE(DI, X1, X2)
	STORESTATE(R8, X7, X8)

done:
	RET

// The steps of MD5 (RFC 1321, 3.4): a = b + rotate(a + f(b, c, d) + word + constant).
// They need the ordinary registers and units only, of which SHA-256 above uses
// none: R10-R13 state, BX block, DX and R15 scratch. What depends on b, which the
// step before has just made, comes last.

// STEPF: f = d ^ (b & (c ^ d))
#define STEPF(off, k, s, a, b, c, d) \
	MOVL c, DX       \
	ADDL $k, a       \
	XORL d, DX       \
	ADDL off(BX), a  \
	ANDL b, DX       \
	XORL d, DX       \
	ADDL DX, a       \
	ROLL $s, a       \
	ADDL b, a

// STEPG: f = (c & ^d) + (b & d), whose halves have no bit in common
#define STEPG(off, k, s, a, b, c, d) \
	MOVL d, DX       \
	MOVL d, R15      \
	NOTL DX          \
	ADDL $k, a       \
	ANDL c, DX       \
	ADDL off(BX), a  \
	ANDL b, R15      \
	ADDL DX, a       \
	ADDL R15, a      \
	ROLL $s, a       \
	ADDL b, a

// STEPH: f = b ^ c ^ d
#define STEPH(off, k, s, a, b, c, d) \
	MOVL c, DX       \
	ADDL $k, a       \
	XORL d, DX       \
	ADDL off(BX), a  \
	XORL b, DX       \
	ADDL DX, a       \
	ROLL $s, a       \
	ADDL b, a

// STEPI: f = c ^ (b | ^d)
#define STEPI(off, k, s, a, b, c, d) \
	MOVL d, DX       \
	ADDL $k, a       \
	NOTL DX          \
	ADDL off(BX), a  \
	ORL  b, DX       \
	XORL c, DX       \
	ADDL DX, a       \
	ROLL $s, a       \
	ADDL b, a

// func blocksThree(a, b *[8]uint32, m *[4]uint32, p, q, r *byte, n int)
TEXT ·blocksThree(SB), NOSPLIT, $80-56
	MOVQ a+0(FP), DI
	MOVQ b+8(FP), R8
	MOVQ m+16(FP), DX
	MOVQ p+24(FP), SI
	MOVQ q+32(FP), R9
	MOVQ r+40(FP), BX
	MOVQ n+48(FP), CX
	TESTQ CX, CX
	JZ   done
	LEAQ k<>(SB), AX
	MOVOU flip<>(SB), X14
	LOADSTATE(DI, X1, X2)
	LOADSTATE(R8, X7, X8)
	MOVL 0(DX), R10
	MOVL 4(DX), R11
	MOVL 8(DX), R12
	MOVL 12(DX), R13

loop:
	MOVOU X1, 0(SP)
	MOVOU X2, 16(SP)
	MOVOU X7, 32(SP)
	MOVOU X8, 48(SP)
	MOVL R10, 64(SP)
	MOVL R11, 68(SP)
	MOVL R12, 72(SP)
	MOVL R13, 76(SP)

	INPUT(0, SI, X3)
	ROUNDS(0x00, X3, X1, X2)
	INPUT(0, R9, X9)
	ROUNDS(0x00, X9, X7, X8)
	STEPF( 0, 0xd76aa478,  7, R10, R11, R12, R13)
	STEPF( 4, 0xe8c7b756, 12, R13, R10, R11, R12)
	STEPF( 8, 0x242070db, 17, R12, R13, R10, R11)
	STEPF(12, 0xc1bdceee, 22, R11, R12, R13, R10)

	INPUT(16, SI, X4)
	ROUNDS(0x10, X4, X1, X2)
	SHA256MSG1 X4, X3
	INPUT(16, R9, X10)
	ROUNDS(0x10, X10, X7, X8)
	SHA256MSG1 X10, X9
	STEPF(16, 0xf57c0faf,  7, R10, R11, R12, R13)
	STEPF(20, 0x4787c62a, 12, R13, R10, R11, R12)
	STEPF(24, 0xa8304613, 17, R12, R13, R10, R11)
	STEPF(28, 0xfd469501, 22, R11, R12, R13, R10)

	INPUT(32, SI, X5)
	ROUNDS(0x20, X5, X1, X2)
	SHA256MSG1 X5, X4
	INPUT(32, R9, X11)
	ROUNDS(0x20, X11, X7, X8)
	SHA256MSG1 X11, X10
	STEPF(32, 0x698098d8,  7, R10, R11, R12, R13)
	STEPF(36, 0x8b44f7af, 12, R13, R10, R11, R12)
	STEPF(40, 0xffff5bb1, 17, R12, R13, R10, R11)
	STEPF(44, 0x895cd7be, 22, R11, R12, R13, R10)

	INPUT(48, SI, X6)
	INPUT(48, R9, X12)
	BOTH(0x30, X6, X5, X3, X12, X11, X9)
	STEPF(48, 0x6b901122,  7, R10, R11, R12, R13)
	STEPF(52, 0xfd987193, 12, R13, R10, R11, R12)
	STEPF(56, 0xa679438e, 17, R12, R13, R10, R11)
	STEPF(60, 0x49b40821, 22, R11, R12, R13, R10)

	BOTH(0x40, X3, X6, X4, X9, X12, X10)
	STEPG( 4, 0xf61e2562,  5, R10, R11, R12, R13)
	STEPG(24, 0xc040b340,  9, R13, R10, R11, R12)
	STEPG(44, 0x265e5a51, 14, R12, R13, R10, R11)
	STEPG( 0, 0xe9b6c7aa, 20, R11, R12, R13, R10)

	BOTH(0x50, X4, X3, X5, X10, X9, X11)
	STEPG(20, 0xd62f105d,  5, R10, R11, R12, R13)
	STEPG(40, 0x02441453,  9, R13, R10, R11, R12)
	STEPG(60, 0xd8a1e681, 14, R12, R13, R10, R11)
	STEPG(16, 0xe7d3fbc8, 20, R11, R12, R13, R10)

	BOTH(0x60, X5, X4, X6, X11, X10, X12)
	STEPG(36, 0x21e1cde6,  5, R10, R11, R12, R13)
	STEPG(56, 0xc33707d6,  9, R13, R10, R11, R12)
	STEPG(12, 0xf4d50d87, 14, R12, R13, R10, R11)
	STEPG(32, 0x455a14ed, 20, R11, R12, R13, R10)

	BOTH(0x70, X6, X5, X3, X12, X11, X9)
	STEPG(52, 0xa9e3e905,  5, R10, R11, R12, R13)
	STEPG( 8, 0xfcefa3f8,  9, R13, R10, R11, R12)
	STEPG(28, 0x676f02d9, 14, R12, R13, R10, R11)
	STEPG(48, 0x8d2a4c8a, 20, R11, R12, R13, R10)

	BOTH(0x80, X3, X6, X4, X9, X12, X10)
	STEPH(20, 0xfffa3942,  4, R10, R11, R12, R13)
	STEPH(32, 0x8771f681, 11, R13, R10, R11, R12)
	STEPH(44, 0x6d9d6122, 16, R12, R13, R10, R11)
	STEPH(56, 0xfde5380c, 23, R11, R12, R13, R10)

	BOTH(0x90, X4, X3, X5, X10, X9, X11)
	STEPH( 4, 0xa4beea44,  4, R10, R11, R12, R13)
	STEPH(16, 0x4bdecfa9, 11, R13, R10, R11, R12)
	STEPH(28, 0xf6bb4b60, 16, R12, R13, R10, R11)
	STEPH(40, 0xbebfbc70, 23, R11, R12, R13, R10)

	BOTH(0xa0, X5, X4, X6, X11, X10, X12)
	STEPH(52, 0x289b7ec6,  4, R10, R11, R12, R13)
	STEPH( 0, 0xeaa127fa, 11, R13, R10, R11, R12)
	STEPH(12, 0xd4ef3085, 16, R12, R13, R10, R11)
	STEPH(24, 0x04881d05, 23, R11, R12, R13, R10)

	BOTH(0xb0, X6, X5, X3, X12, X11, X9)
	STEPH(36, 0xd9d4d039,  4, R10, R11, R12, R13)
	STEPH(48, 0xe6db99e5, 11, R13, R10, R11, R12)
	STEPH(60, 0x1fa27cf8, 16, R12, R13, R10, R11)
	STEPH( 8, 0xc4ac5665, 23, R11, R12, R13, R10)

	BOTH(0xc0, X3, X6, X4, X9, X12, X10)
	STEPI( 0, 0xf4292244,  6, R10, R11, R12, R13)
	STEPI(28, 0x432aff97, 10, R13, R10, R11, R12)
	STEPI(56, 0xab9423a7, 15, R12, R13, R10, R11)
	STEPI(20, 0xfc93a039, 21, R11, R12, R13, R10)

	ROUNDS(0xd0, X4, X1, X2)
	EXTEND(X4, X3, X5)
	ROUNDS(0xd0, X10, X7, X8)
	EXTEND(X10, X9, X11)
	STEPI(48, 0x655b59c3,  6, R10, R11, R12, R13)
	STEPI(12, 0x8f0ccc92, 10, R13, R10, R11, R12)
	STEPI(40, 0xffeff47d, 15, R12, R13, R10, R11)
	STEPI( 4, 0x85845dd1, 21, R11, R12, R13, R10)

	ROUNDS(0xe0, X5, X1, X2)
	EXTEND(X5, X4, X6)
	ROUNDS(0xe0, X11, X7, X8)
	EXTEND(X11, X10, X12)
	STEPI(32, 0x6fa87e4f,  6, R10, R11, R12, R13)
	STEPI(60, 0xfe2ce6e0, 10, R13, R10, R11, R12)
	STEPI(24, 0xa3014314, 15, R12, R13, R10, R11)
	STEPI(52, 0x4e0811a1, 21, R11, R12, R13, R10)

	ROUNDS(0xf0, X6, X1, X2)
	ROUNDS(0xf0, X12, X7, X8)
	STEPI(16, 0xf7537e82,  6, R10, R11, R12, R13)
	STEPI(44, 0xbd3af235, 10, R13, R10, R11, R12)
	STEPI( 8, 0x2ad7d2bb, 15, R12, R13, R10, R11)
	STEPI(36, 0xeb86d391, 21, R11, R12, R13, R10)

	MOVOU 0(SP), X13
	PADDD X13, X1
	MOVOU 16(SP), X13
	PADDD X13, X2
	MOVOU 32(SP), X13
	PADDD X13, X7
	MOVOU 48(SP), X13
	PADDD X13, X8
	ADDL 64(SP), R10
	ADDL 68(SP), R11
	ADDL 72(SP), R12
	ADDL 76(SP), R13

	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	STORESTATE(DI, X1, X2)
	STORESTATE(R8, X7, X8)
	MOVQ m+16(FP), DX
	MOVL R10, 0(DX)
	MOVL R11, 4(DX)
	MOVL R12, 8(DX)
	MOVL R13, 12(DX)

done:
	RET

// func cpuid(leaf, sub uint32) (eax, ebx, ecx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-20
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	MOVL CX, ecx+16(FP)
	RET
