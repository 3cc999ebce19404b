/* zh_data.S - the Chinese dictionary as read-only data of the program. */
    .section .rodata
    .balign 16
    .globl zh_asset
    .hidden zh_asset
    .globl zh_asset_end
    .hidden zh_asset_end
zh_asset:
    .incbin "src/text/zh.bin"
zh_asset_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
