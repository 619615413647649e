# A guest in a ROM: counts 20 times a second, aloud on COM1 and, every 8th time, on the first disk.
# Knows: the PC's timer, interrupt controller, serial port and IDE disk.  It stands in the BIOS's place (-bios): where KVM
# is itself virtual, a BIOS takes seconds to boot; this takes milliseconds, so that every test gets a fresh pair.
#
#   "up HHHHHHHH"  once, with the count found on the disk
#   "at HHHHHHHH"  every 50 ms
#
# The ROM copies itself to RAM, so that code, count, stack and disk buffer share one page: under TCG, COLO forgets to send
# changed pages again that hold no code, and the secondary would count in circles.
#
# Built by build.py with as and ld: 64 KiB, linked to PAGE, seen by the CPU at F000:0000.  The CPU must have no local APIC
# (-cpu qemu64,-apic), so that the interrupt controller reaches it without further ado.
	.code16
	.globl _start
	.set PAGE, 0x7000
	.set SECTOR, PAGE + 0xa00	# one disk sector
	.set STACK, PAGE + 0x1000
	.set COUNT_LBA, 16		# where the count lives on the disk
	.set PIT_20HZ, 59659		# 1193182 Hz / 20
	.set COM1, 0x3f8
	.set IDE, 0x1f0

	.macro	out8 value, port
	movw	$\port, %dx
	movb	$\value, %al
	outb	%al, %dx
	.endm

_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$STACK, %sp
	xorw	%si, %si
	movw	$PAGE, %di
	movw	$SECTOR - PAGE, %cx
	cs rep movsb
	ljmp	$0, $main

main:
	movw	$tick, 8 * 4
	movw	%ax, 8 * 4 + 2		# segment 0
	out8	0x11, 0x20		# PIC: IRQ 0 is vector 8, all others masked
	out8	0x08, 0x21
	out8	0x04, 0x21
	out8	0x01, 0x21
	out8	0xfe, 0x21
	out8	0xff, 0xa1
	out8	0x34, 0x43		# PIT channel 0, rate generator
	out8	(PIT_20HZ & 255), 0x40
	out8	(PIT_20HZ >> 8), 0x40

	out8	0x80, COM1 + 3		# 115200 baud, 8 bits, no parity
	out8	1, COM1
	out8	0, COM1 + 1
	out8	3, COM1 + 3

	out8	2, 0x3f6		# IDE without interrupts: it is polled
	movb	$0x20, %bl		# READ SECTORS
	call	disk
	movw	$SECTOR, %di
	movw	$256, %cx
	movw	$IDE, %dx
	rep insw
	movl	SECTOR, %eax
	movl	%eax, count
	movw	$('u' | 'p' << 8), %bx
	call	say

forever:
	sti
	hlt				# until the next tick
	cli
	incl	count
	movl	count, %eax
	movw	$('a' | 't' << 8), %bx
	call	say
	testb	$7, count
	jnz	forever
	movl	count, %eax
	movl	%eax, SECTOR
	movb	$0x30, %bl		# WRITE SECTORS
	call	disk
	movw	$SECTOR, %si
	movw	$256, %cx
	movw	$IDE, %dx
	rep outsw
	jmp	forever

tick:	pushw	%ax
	movb	$0x20, %al		# end of interrupt
	outb	%al, $0x20
	popw	%ax
	iret

# Gives the first disk the command in BL for the sector COUNT_LBA; returns when it is ready to move the data.
disk:	movw	$(IDE + 7), %dx
1:	inb	%dx, %al		# not busy
	testb	$0x80, %al
	jnz	1b
	out8	0xe0, IDE + 6		# LBA, drive 0
	out8	1, IDE + 2
	out8	COUNT_LBA, IDE + 3
	out8	0, IDE + 4
	out8	0, IDE + 5
	movw	$(IDE + 7), %dx
	movb	%bl, %al
	outb	%al, %dx
2:	inb	%dx, %al		# not busy, and asking for data
	andb	$0x88, %al
	cmpb	$0x08, %al
	jne	2b
	ret

# Prints the two letters in BX, a space, EAX in hex, and a line feed.
say:	movl	%eax, %esi
	movb	%bl, %al
	call	putc
	movb	%bh, %al
	call	putc
	movb	$' ', %al
	call	putc
	movw	$8, %cx
1:	roll	$4, %esi
	movw	%si, %ax
	andb	$15, %al
	cmpb	$10, %al
	jb	2f
	addb	$('a' - '0' - 10), %al
2:	addb	$'0', %al
	call	putc
	loop	1b
	movb	$'\n', %al
putc:	movb	%al, %ah
	movw	$(COM1 + 5), %dx
1:	inb	%dx, %al		# room to send
	testb	$0x20, %al
	jz	1b
	movw	$COM1, %dx
	movb	%ah, %al
	outb	%al, %dx
	ret

	.balign	4
count:	.long	0

	.org	0xfff0			# where every x86 CPU begins
	ljmp	$0xf000, $0
	.org	0x10000
