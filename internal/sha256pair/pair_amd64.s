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

// func cpuid(leaf, sub uint32) (eax, ebx, ecx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-20
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	MOVL CX, ecx+16(FP)
	RET
