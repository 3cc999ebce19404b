#!/bin/sh
# Prints an assembler file that holds every file of a model folder as read-only data, and their table embedded_files
# (src/io/modeldir.h). Usage: embed.sh DIR
set -e
dir=$1
echo '    .section .rodata'
i=0
for f in "$dir"/*; do
    echo "    .balign 64"
    echo "file_$i: .incbin \"$f\""
    echo "end_$i: .byte 0"
    echo "name_$i: .asciz \"$(basename "$f")\""
    i=$((i + 1))
done
# Pointers are filled in when the program is loaded, then sealed.
echo '    .section .data.rel.ro,"aw"'
echo '    .balign 8'
echo '    .globl embedded_files'
echo '    .hidden embedded_files'
echo 'embedded_files:'
n=0
while [ $n -lt $i ]; do
    echo "    .quad name_$n, file_$n, end_$n"
    n=$((n + 1))
done
echo '    .quad 0, 0, 0'
echo '    .section .note.GNU-stack,"",%progbits'
