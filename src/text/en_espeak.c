/* en_espeak.c - see en_espeak.h. The only file that sees espeak-ng. Its state is process-wide, so the lock
 * and what it guards are too. It is started once and then kept: its Terminate can wait for ever for its own
 * thread when it is called a second time (1.51). A host that itself changes espeak-ng's voice in this process
 * changes ours. */
#include "text/en_espeak.h"

#ifdef WITH_ESPEAK

#include <espeak-ng/espeak_ng.h>
#include <espeak-ng/speak_lib.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "io/file.h"
#include "text/str.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int running;

const char *en_espeak_version(void)
{
    return espeak_Info(NULL);
}

/* espeak-ng silently falls back to the system's data when the folder it is given holds none. */
static int has_data(const char *folder)
{
    static const char *const tables[] = {"espeak-ng-data/phontab", "phontab"};
    int found = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !found; i++) {
        char *path = file_join(folder, tables[i]);
        found = path && access(path, R_OK) == 0;
        free(path);
    }
    return found;
}

/* Initialisation sets LC_CTYPE to UTF-8 and leaves it; the library promises its host not to. */
static espeak_ng_STATUS initialize(const char *data)
{
    const char *now = setlocale(LC_CTYPE, NULL);
    char *before = now ? strdup(now) : NULL;
    espeak_ng_ERROR_CONTEXT context = NULL;
    espeak_ng_InitializePath(data);
    espeak_ng_STATUS status = espeak_ng_Initialize(&context); /* unlike espeak_Initialize it prints nothing */
    espeak_ng_ClearErrorContext(&context);
    if (before) setlocale(LC_CTYPE, before);
    free(before);
    return status;
}

static int same_folder(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* 1 when espeak-ng reads from this folder, or from espeak-ng-data in it. */
static int uses(const char *folder)
{
    const char *now = NULL;
    espeak_Info(&now);
    char *inner = file_join(folder, "espeak-ng-data");
    int same = now && inner && (same_folder(now, inner) || same_folder(now, folder));
    free(inner);
    return same;
}

static drgen_status start(const char *data, drgen_err *err)
{
    if (running && (!data || uses(data))) return DRGEN_OK;
    if (data && !has_data(data))
        return err_fail(err, DRGEN_ERR_IO,
                        "%s: no espeak-ng data here; name the folder that holds espeak-ng-data", data);
    if (running)
        return err_fail(err, DRGEN_ERR_IO,
                        "%s: espeak-ng already runs in this process with other data; use one folder", data);
    espeak_ng_STATUS status = initialize(data);
    if (status == ENS_OK) status = espeak_ng_SetVoiceByName("en-us");
    if (status == ENS_OK && data && !uses(data)) /* it cuts paths at 160 bytes, and then takes the system's */
        return err_fail(err, DRGEN_ERR_IO,
                        "%.300s: espeak-ng does not take its data from there; use a shorter path", data);
    running = status == ENS_OK;
    if (running) return DRGEN_OK;
    char why[128] = "";
    espeak_ng_GetStatusCodeMessage(status, why, sizeof why);
    return err_fail(err, DRGEN_ERR_IO,
                    "espeak-ng %s does not start with the data in %.300s: %s; install espeak-ng-data",
                    espeak_Info(NULL), data ? data : "the system's folder", why);
}

/* Scripts that espeak-ng reads or spells within one language. In others, and where Hangul meets a third
 * script inside a word, 1.51 reads memory it has freed. */
static int is_tame(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } tame[] = {{0x20, 0x52F},    {0x1D00, 0x2C7F}, {0x3000, 0x9FFF},
                {0xAC00, 0xD7A3}, {0xFF00, 0xFFEF}, {0x10000, 0x10FFFF}};
    size_t i = 0, count = sizeof tame / sizeof *tame;
    while (i < count && cp > tame[i].last) i++;
    return i < count && cp >= tame[i].first;
}

/* What the library can be trusted with. Differs: the original hands on everything; words of scripts that are
 * not tame are left out here, Hangul stands apart from other scripts than Latin, and words end at 120 bytes
 * (it holds 160). */
static void tame_piece(str *out, const char *piece)
{
    enum { WORD_MOST = 120 };
    size_t left = strlen(piece), word = 0;
    int hangul = 0, third = 0; /* seen in this word */
    uint32_t cp;
    for (size_t n; (n = utf8_decode(piece, left, &cp)) != 0; piece += n, left -= n) {
        int is_hangul = cp >= 0xAC00 && cp <= 0xD7A3, is_third = !is_hangul && cp >= 0x250;
        if (cp != ' ' && ((is_hangul && third) || (is_third && hangul) || word + n > WORD_MOST)) {
            str_puts(out, " ");
            word = 0;
        }
        if (word == 0 || cp == ' ') hangul = third = 0;
        hangul |= is_hangul;
        third |= is_third;
        word = cp == ' ' ? 0 : word + n;
        if (is_tame(cp)) str_add(out, piece, n);
    }
}

drgen_status en_espeak_phonemes(const char *data, const char *piece, void (*put)(void *to, const char *ipa),
                                void *to, drgen_err *err)
{
    enum { IPA = 0x02, SEPARATOR = '_' << 8 };
    str text = {0};
    tame_piece(&text, piece);
    drgen_status status = str_check(&text, err);
    const void *rest = str_text(&text);
    pthread_mutex_lock(&lock);
    if (status == DRGEN_OK) status = start(data, err);
    for (int clause = 0; status == DRGEN_OK && rest; clause++) {
        const char *ipa =
            espeak_TextToPhonemes(&rest, espeakCHARS_UTF8, SEPARATOR | IPA); /* its own buffer */
        if (clause) put(to, " ");
        put(to, ipa ? ipa : "");
    }
    pthread_mutex_unlock(&lock);
    str_free(&text);
    return status;
}

#else

const char *en_espeak_version(void)
{
    return "";
}

drgen_status en_espeak_phonemes(const char *data, const char *piece, void (*put)(void *to, const char *ipa),
                                void *to, drgen_err *err)
{
    (void)data, (void)piece, (void)put, (void)to;
    return err_fail(err, DRGEN_ERR_TEXT,
                    "this build cannot read English lyrics: it was made without espeak-ng");
}

#endif
