# A guest in a ROM: counts 20 times a second, aloud on COM1 and, every 8th time, on the first disk.  Where it has an
# NE2000, it answers whoever asks for 192.0.2.1 by ARP, and the ICMP echo requests sent there.
# Knows: the PC's timer, interrupt controller, serial port, keyboard, power management, IDE disk, NE2000.  It stands in the BIOS's place (-bios): where
# KVM is itself virtual, a BIOS takes seconds to boot; this takes milliseconds, so that every test gets a fresh pair.
#
#   "up HHHHHHHH"  once, with the count found on the disk
#   "at HHHHHHHH"  every 50 ms
#   "mu HHHHHHHH"  when it begins to change much memory every 50 ms, as the key m has it do
#
# Once the key p is pressed, it powers the machine off.
#
# An answer says nothing but what its question says, so that both guests of a pair give the same, which COLO compares.
#
# The ROM copies itself to RAM, so that code, count, stack and buffers share one page: under TCG, COLO forgets to send
# changed pages again that hold no code, and the secondary would count in circles.  For the same reason it is a NIC whose
# memory is its own, read and written through a port.
#
# Built by build.py with as and ld: 64 KiB, linked to PAGE, seen by the CPU at F000:0000.  The CPU must have no local APIC
# (-cpu qemu64,-apic), so that the interrupt controller reaches it without further ado.
	.code16
	.globl _start
	.set PAGE, 0x7000
	.set SECTOR, PAGE + 0xa00	# one disk sector
	.set FRAME, PAGE + 0xc00 + 4	# a frame from the network, behind the NIC's header of 4 bytes
	.set STACK, PAGE + 0x1000
	.set COUNT_LBA, 16		# where the count lives on the disk
	.set PIT_20HZ, 59659		# 1193182 Hz / 20
	.set MUCH, 0x1000		# segments: 144 pages, from 64 KiB on to where a PC's first memory ends
	.set MUCH_END, 0xa000
	.set KEY_P, 0x4d		# as a keyboard says it to whom it has not been told to translate
	.set KEY_M, 0x3a
	.set COM1, 0x3f8
	.set IDE, 0x1f0
	.set NIC, 0x300			# and the interrupt 3
	.set FRAME_BYTES, 60		# of ARP and of the echo requests that are answered: the shortest that Ethernet allows
	.set IP, 0x010200c0		# 192.0.2.1
	# The NIC's memory, counted in 256 bytes: one frame to be sent, then the ring of those that came.
	.set OUTGOING, 0x40
	.set RING, 0x46
	.set RING_END, 0x80

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
	movw	$frame_came, 11 * 4
	movw	%ax, 11 * 4 + 2
	out8	0x11, 0x20		# PIC: IRQ 0 is vector 8, IRQ 3 vector 11, all others masked
	out8	0x08, 0x21
	out8	0x04, 0x21
	out8	0x01, 0x21
	out8	0xf6, 0x21
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
	call	start_nic

forever:
	sti
	hlt				# until the next tick or frame
	cli
	call	answer_all
	btrw	$0, ticked
	jnc	forever
	call	obey
	call	change_much
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

# Does what the keys say that were pressed since.
obey:	inb	$0x64, %al		# there is one
	testb	$1, %al
	jz	1f
	inb	$0x60, %al
	cmpb	$KEY_P, %al
	je	power_off
	cmpb	$KEY_M, %al
	jne	obey			# the end of a key, say
	movb	$1, much
	movl	count, %eax
	movw	$('m' | 'u' << 8), %bx
	call	say
	jmp	obey
1:	ret

# Once told to, changes a word in each page of the memory that nothing else is in.
change_much:
	cmpb	$0, much
	je	2f
	movw	$MUCH, %bx
1:	movw	%bx, %es
	movl	count, %eax
	movl	%eax, %es:0
	addw	$0x100, %bx
	cmpw	$MUCH_END, %bx
	jb	1b
	xorw	%ax, %ax
	movw	%ax, %es
2:	ret

# As ACPI has it: the PIIX4's power management gets an I/O base, and then the word to sleep for good.
power_off:
	movl	$0x80000b40, %eax
	movl	$0xb001, %ebx
	call	configure
	movl	$0x80000b80, %eax
	movl	$1, %ebx
	call	configure
	movw	$0xb004, %dx
	movw	$0x2000, %ax
	outw	%ax, %dx
1:	hlt
	jmp	1b

configure:
	movw	$0xcf8, %dx
	outl	%eax, %dx
	movw	$0xcfc, %dx
	movl	%ebx, %eax
	outl	%eax, %dx
	ret

tick:	orb	$1, ticked
frame_came:
	pushw	%ax
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

start_nic:
	out8	0x21, NIC		# stop; registers of page 0
	inb	%dx, %al
	cmpb	$0x21, %al
	jne	1f			# there is none
	out8	0x49, NIC + 14		# data port 16 bits wide, normal operation; QEMU's takes 32 bits as well
	out8	0, NIC + 11		# never more than 255 bytes through the data port at once
	out8	0x04, NIC + 12		# take broadcasts, and what is for the address QEMU has given it
	out8	0, NIC + 13
	out8	OUTGOING, NIC + 4
	out8	FRAME_BYTES, NIC + 5
	out8	0, NIC + 6
	out8	RING, NIC + 1
	out8	RING_END, NIC + 2
	out8	RING, NIC + 3
	out8	1, NIC + 15		# interrupt for each frame received
	out8	0x61, NIC		# page 1
	out8	RING, NIC + 7
	out8	0x22, NIC		# go
	movb	$RING, oldest
1:	ret

# Answers whatever has come in.  What comes while it looks makes another interrupt.
answer_all:
	cmpb	$0, oldest
	je	2f			# no NIC
	out8	0xff, NIC + 7
	out8	0x62, NIC		# page 1
	movw	$(NIC + 7), %dx
	inb	%dx, %al
	movb	%al, newest
	out8	0x22, NIC
1:	movb	oldest, %al
	cmpb	newest, %al
	je	2f
	call	take
	cmpw	$(FRAME_BYTES + 4), FRAME - 2	# the length counts 4 bytes of CRC, too
	jne	1b
	call	answer
	jmp	1b
2:	ret

# Moves the oldest frame in the NIC from there to FRAME.
take:	movb	$(FRAME_BYTES + 4), %bl
	call	data_port
	out8	0x0a, NIC		# read
	movw	$(FRAME - 4), %di
	movw	$((FRAME_BYTES + 4) / 4), %cx
	movw	$(NIC + 16), %dx
	rep insl
	movb	FRAME - 3, %al		# where the next one begins
	movb	%al, oldest
	movw	$(NIC + 3), %dx
	outb	%al, %dx
	ret

# Makes the data port ready for BL bytes from the beginning of page AL of the NIC's memory on.
data_port:
	movw	$(NIC + 9), %dx
	outb	%al, %dx
	out8	0, NIC + 8
	movw	$(NIC + 10), %dx
	movb	%bl, %al
	outb	%al, %dx
	ret

# Makes an answer of FRAME, where it is a question to us, and sends it.
# (Numbers of several bytes are as a little-endian CPU reads them from the frame.)
	.macro	unless value, at, target
	cmpl	$\value, FRAME + \at
	jne	\target
	.endm

answer:	unless 0x01000608, 12, 1f		# ARP, Ethernet
	unless 0x04060008, 16, 1f		# IPv4
	cmpw	$0x0100, FRAME + 20		# request
	jne	1f
	unless IP, 38, 1f
	movb	$2, FRAME + 21			# reply
	movw	$(FRAME + 22), %si		# who asked is whom it is for
	movw	$(FRAME + 32), %di
	movw	$5, %cx
	rep movsw
	movw	$own_addresses, %si
	movw	$(FRAME + 22), %di
	movw	$5, %cx
	rep movsw
	jmp	send

1:	unless 0x00450008, 12, 2f		# IPv4, no options
	cmpb	$1, FRAME + 23			# ICMP
	jne	2f
	cmpw	$0x0008, FRAME + 34		# echo request
	jne	2f
	unless IP, 30, 2f
	movl	FRAME + 26, %eax
	xchgl	%eax, FRAME + 30
	movl	%eax, FRAME + 26
	movb	$0, FRAME + 34			# echo reply; its checksum is greater by as much as the type is less
	addw	$0x0008, FRAME + 36
	adcw	$0, FRAME + 36
	jmp	send
2:	ret

send:	movw	$(FRAME + 6), %si		# back to the sender
	movw	$FRAME, %di
	movw	$3, %cx
	rep movsw
	movw	$own_addresses, %si
	movw	$3, %cx
	rep movsw
	movb	$OUTGOING, %al
	movb	$FRAME_BYTES, %bl
	call	data_port
	out8	0x12, NIC		# write
	movw	$FRAME, %si
	movw	$(FRAME_BYTES / 4), %cx
	movw	$(NIC + 16), %dx
	rep outsl
	out8	0x26, NIC		# send
	ret

	.balign	4
count:	.long	0
own_addresses:
	.byte	0x52, 0x54, 0x00, 0x12, 0x34, 0x56
	.long	IP
ticked:	.word	0
oldest:	.byte	0			# in the NIC's ring, 0 without a NIC
newest:	.byte	0
much:	.byte	0

	.org	0xfff0			# where every x86 CPU begins
	ljmp	$0xf000, $0
	.org	0x10000
