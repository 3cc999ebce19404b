/* en_espeak.c - see en_espeak.h. The only file that sees espeak-ng. Its state is process-wide, so the lock and what it
 * guards are too: the folder it was started with and the number of handles. Once started it keeps its voice; a host
 * that itself changes espeak-ng's voice in this process changes ours. */
#include "text/en_espeak.h"

#ifdef WITH_ESPEAK

#include <espeak-ng/espeak_ng.h>
#include <espeak-ng/speak_lib.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"

static struct {
    pthread_mutex_t lock;
    int users, running;
    char *data; /* folder it runs with; NULL for the system's */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void stop(void)
{
    if (state.running) espeak_Terminate();
    free(state.data);
    state.data = NULL;
    state.running = 0;
}

void en_espeak_retain(void)
{
    pthread_mutex_lock(&state.lock);
    state.users++;
    pthread_mutex_unlock(&state.lock);
}

void en_espeak_release(void)
{
    pthread_mutex_lock(&state.lock);
    if (--state.users == 0) stop();
    pthread_mutex_unlock(&state.lock);
}

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

static drgen_status start(const char *data, drgen_err *err)
{
    int same = data && state.data ? strcmp(data, state.data) == 0 : data == state.data;
    if (state.running && same) return DRGEN_OK;
    stop();
    if (data && !has_data(data))
        return err_fail(err, DRGEN_ERR_IO, "%s: no espeak-ng data here; name the folder that holds espeak-ng-data", data);
    if (data && !(state.data = strdup(data))) return err_fail(err, DRGEN_ERR_NOMEM, "out of memory for lyrics");
    espeak_ng_STATUS status = initialize(data);
    state.running = status == ENS_OK;
    const char *used = NULL;
    espeak_Info(&used);
    if (status == ENS_OK && data && (!used || strncmp(used, data, strlen(data)) != 0)) { /* it cuts paths at 160 bytes */
        stop();
        return err_fail(err, DRGEN_ERR_IO, "%.300s: espeak-ng does not take its data from there; use a shorter path", data);
    }
    if (status == ENS_OK) status = espeak_ng_SetVoiceByName("en-us");
    if (status == ENS_OK) return DRGEN_OK;
    char why[128] = "";
    espeak_ng_GetStatusCodeMessage(status, why, sizeof why);
    stop();
    return err_fail(err, DRGEN_ERR_IO, "espeak-ng %s does not start with the data in %s: %s; install espeak-ng-data",
                    espeak_Info(NULL), data ? data : "the system's folder", why);
}

drgen_status en_espeak_phonemes(const char *data, const char *piece, void (*put)(void *to, const char *ipa), void *to,
                                drgen_err *err)
{
    enum { IPA = 0x02, SEPARATOR = '_' << 8 };
    pthread_mutex_lock(&state.lock);
    drgen_status status = start(data, err);
    const void *rest = piece;
    for (int clause = 0; status == DRGEN_OK && rest; clause++) {
        const char *ipa = espeak_TextToPhonemes(&rest, espeakCHARS_UTF8, SEPARATOR | IPA); /* its own buffer */
        if (clause) put(to, " ");
        put(to, ipa ? ipa : "");
    }
    pthread_mutex_unlock(&state.lock);
    return status;
}

#else

void en_espeak_retain(void)
{
}

void en_espeak_release(void)
{
}

const char *en_espeak_version(void)
{
    return "";
}

drgen_status en_espeak_phonemes(const char *data, const char *piece, void (*put)(void *to, const char *ipa), void *to,
                                drgen_err *err)
{
    (void)data, (void)piece, (void)put, (void)to;
    return err_fail(err, DRGEN_ERR_TEXT, "this build cannot read English lyrics: it was made without espeak-ng");
}

#endif
