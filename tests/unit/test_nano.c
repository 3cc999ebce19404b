/* The model inside the program: its tower hears what words mean, its defaults. Through the public interface. */
#include "base/rng.h"
#include "drgen.h"
#include "model/config.h"
#include "nano/words.h"
#include "pipeline/engine.h"
#include "pipeline/request.h"
#include "tests/t.h"
#include "weights_tools/nano.h"

static float rows[(WORDS_COUNT + 1) * WORDS_STYLE];

static drgen *open_own(void)
{
    drgen_err err = {0};
    drgen_config config = drgen_config_default();
    config.threads = 1;
    drgen *g = drgen_open(&config, &err);
    CHECKF(g && drgen_get_info(g).style_width == WORDS_STYLE, "%s", err.message);
    words_table(rows);
    return g;
}

static int hear(drgen *g, const char *prompt, float style[WORDS_STYLE])
{
    drgen_err err = {0};
    drgen_style part = {.prompt = prompt, .weight = 1};
    drgen_status status = drgen_style_vector(g, &part, 1, style, &err);
    CHECKF(status == DRGEN_OK, "\"%s\": %s", prompt, err.message);
    return status == DRGEN_OK;
}

static double distance(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < WORDS_STYLE; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

/* The keywords in a style, as a list of their names; what is less than a fifth of a unit vector is no word. */
static void keywords_of(const float *style, char *out, size_t room)
{
    size_t n = 0;
    out[0] = '\0';
    for (int id = 0; id < WORDS_COUNT; id++) {
        double share = 0;
        for (int k = 0; k < WORDS_STYLE; k++) share += (double)style[k] * (double)rows[id * WORDS_STYLE + k];
        if (share > 0.1) n += (size_t)snprintf(out + n, n < room ? room - n : 0, "%s%s", n ? " " : "", words_name(id));
    }
}

TEST(nano_keywords_are_heard_exactly)
{
    drgen *g = open_own();
    static const char *const between[] = {", ", " ", ",", " / ", " and ", "; "};
    uint64_t state = 5;
    double worst = 0;
    for (int trial = 0; g && trial < 300; trial++) {
        char prompt[512] = "";
        float heard[WORDS_STYLE], wanted[WORDS_STYLE];
        words w;
        words_draw(&w, &state);
        if (!w.count) continue;
        size_t n = 0;
        for (size_t i = 0; i < w.count; i++) {
            n += (size_t)snprintf(prompt + n, sizeof prompt - n, "%s%s", i ? between[rng_split(&state) % COUNT(between)] : "",
                                  words_name(w.id[i]));
            int kind = (int)(rng_split(&state) % 3);
            for (char *c = prompt; kind == 1 && *c; c++) *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
            for (char *c = prompt; kind == 2 && *c; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        }
        if (!hear(g, prompt, heard)) break;
        words_style(&w, rows, wanted);
        worst = fmax(worst, distance(heard, wanted));
        CHECKF(distance(heard, wanted) < 1e-4, "\"%s\": off by %g", prompt, distance(heard, wanted));
    }
    printf("  keywords: styles off by %.2g at most\n", worst);
    drgen_close(g);
}

/* Prompts as people write them, and the keywords each must come to, in the order of words.h. */
static const struct {
    const char *prompt, *means;
} prompts[] = {
    {"folk, acoustic guitar, warm", "Folk Mellow AcousticGuitar"},
    {"a slow, sad piano ballad", "Heartfelt Melancholic Piano slow"},
    {"upbeat dance track with synths", "Dance Upbeat Synthesizer"},
    {"gloomy metal with distorted guitars", "Metal Melancholic ElectricGuitar"},
    {"90 bpm hip hop beat", "Hip-Hop slow"},
    {"gentle lullaby", "Heartfelt Relaxed slow"},
    {"Pop, Happy, Piano, fast", "Pop Happy Piano fast"},
    {"cheerful pop song about the summer", "Pop Happy Carefree"},
    {"dark techno", "Electronic Aggressive"},
    {"Dreamy synthwave at 100bpm", "Electronic Reflective medium"},
    {"angry punk rock with fast drums", "Punk Aggressive Drums fast"},
    {"calm classical piano for studying", "Classical Relaxed Piano"},
    {"smooth jazz with saxophone", "Jazz Mellow Saxophone"},
    {"lo-fi hip-hop to relax to", "Hip-Hop Mellow Relaxed"},
    {"epic orchestral soundtrack", "Classical Strings"},
    {"funky disco groove with slap bass", "Funk Disco"},
    {"Reggae, sunny, laid-back", "Reggae Happy Mellow"},
    {"country song with banjo and fiddle", "Country Violin Banjo"},
    {"romantic bossa nova", "Jazz Romantic"},
    {"R&B slow jam", "R&B slow"},
    {"rnb, sensual, mid-tempo", "R&B Romantic medium"},
    {"r & b with electric piano", "R&B Piano"},
    {"heavy metal, 160 BPM, aggressive", "Metal Aggressive fast"},
    {"80 bpm", "slow"},
    {"120 BPM house music", "House medium"},
    {"140BPM trance", "Electronic fast"},
    {"EDM banger", "Electronic Energetic"},
    {"unplugged version", "AcousticGuitar"},
    {"melancholy indie with cello", "Rock Melancholic Cello"},
    {"nostalgic 80s synth-pop", "Pop Nostalgic Synthesizer"},
    {"hopeful gospel choir", "Soul Hopeful VocalSample"},
    {"bluesy harmonica and guitar", "Blues Guitar Harmonica"},
    {"Chinese style, flute, peaceful", "Chinese Relaxed Flute"},
    {"heartbreak song, soft, tender", "Heartfelt Heartbroken Mellow"},
    {"ELECTRIC GUITAR ROCK", "Rock ElectricGuitar"},
    {"ElectricGuitar,Rock,Energetic", "Rock Energetic ElectricGuitar"},
    {"Jazz music, relaxed, featuring Saxophone, Piano, 110 BPM, female vocals, small club production",
     "Jazz Relaxed Piano Saxophone medium"},
    {"Punk music, aggressive, featuring ElectricGuitar, BassGuitar, 176 BPM, male vocals, raw garage production",
     "Punk Aggressive ElectricGuitar BassGuitar fast"},
    {"Rap music, passionate, featuring Drums, Bass, 90 BPM, rap vocals, hard-hitting studio production",
     "Rap Passionate Drums Bass slow"},
    {"Chinese music, nostalgic, featuring Flute, Strings, 80 BPM, female vocals, cinematic production",
     "Chinese Nostalgic Strings Flute slow"},
    {"Metal music, aggressive, featuring ElectricGuitar, Drums, 150 BPM, male vocals, heavy production",
     "Metal Aggressive ElectricGuitar Drums fast"},
    {"quick folk tune with violin", "Folk Violin fast"},
    {"slowly building, emotional strings", "Emotional Strings slow"},
    {"uptempo swing with trumpets", "Jazz Trumpet fast"},
    {"moderately fast pop", "Pop fast medium"},
    {"not too fast, happy", "Happy medium"},
    {"rock without guitar", "Rock"},
    {"jazz, no drums", "Jazz"},
    {"popular rocket science, funny lovers", "Love Fun"},
    {"a poppy tune", "Pop"},
    {"fundamental folklore of the Rockies", ""},
    {"in the countryside near the metallic house", "House"},
    {"organic food", ""},
    {"breakfast at home", ""},
    {"a soulmate for the bassist", "BassGuitar"},
    {"the flutist and the cellist", "Flute Cello"},
    {"string quartet", "Classical Strings Cello"},
    {"church organ", "Organ"},
    {"big band swing", "Jazz"},
    {"drum and bass", "Electronic"},
    {"drums and bass", "Drums Bass"},
    {"trap beat with 808", "Hip-Hop Drums"},
    {"boom-bap rap", "Rap Hip-Hop"},
    {"Rock 'n' Roll!", "Rock"},
    {"ROCK’N’ROLL", "Rock"},
    {"sad. lonely. rainy.", "Melancholic"},
    {"Café music, joyful accordéon", "Happy Harmonica"},
    {"happy-go-lucky ukulele", "Happy AcousticGuitar"},
    {"energetic workout music", "Energetic"},
    {"meditation music for yoga", "Electronic Relaxed slow"},
    {"love song for my wife", "Love"},
    {"power ballad with electric guitar solo", "Rock Emotional ElectricGuitar slow"},
    {"motivational, uplifting, inspiring", "Uplifting"},
    {"playful kids song with whistling", "Fun Flute"},
    {"christmas carol with bells", "Happy Percussion"},
    {"spooky halloween organ", "Aggressive Organ"},
    {"latin, passionate, percussion", "Passionate Percussion"},
    {"tropical house", "House"},
    {"deep house, chill", "House Relaxed"},
    {"pop rock", "Pop Rock"},
    {"symphonic metal", "Metal Strings"},
    {"celtic folk with tin whistle", "Folk Flute"},
    {"bluegrass banjo, fast", "Country Banjo fast"},
    {"vocal chops and pads", "Synthesizer VocalSample"},
    {"Piano,Violin;Cello|Flute", "Piano Violin Flute Cello"},
    {"pianopop", ""},
    {"guitars, guitars, guitars", "Guitar"},
    {"ｆａｓｔ　ｐｏｐ", "Pop fast"},
    {"piano\tand\nstrings", "Piano Strings"},
    {"pop🎵 happy", "Pop Happy"},
    {"Flöte, traurig", ""},
    {"female vocals, powerful vocals", ""},
    {"流行，快乐，钢琴", "Pop Happy Piano"},
    {"一首悲伤的慢歌，钢琴和小提琴", "Melancholic Piano Violin slow"},
    {"快节奏的电子舞曲", "Electronic Dance fast"},
    {"搖滾樂，電吉他，激情", "Rock Passionate ElectricGuitar"},
    {"中国风，古筝，温柔", "Chinese Heartfelt"},
    {"轻松的爵士乐，萨克斯", "Jazz Relaxed Saxophone"},
    {"民谣 pop木吉他", "Pop Folk AcousticGuitar"},
    {"🎵pop🎵happy❤️", "Pop Happy"},
    {"听pop歌", "Pop"},
    {"jazz钢琴sad慢歌", "Jazz Melancholic Piano slow"},
    {"凉快的夏天", "Carefree"},
    {"說唱 90bpm", "Rap slow"},
    {"温暖的大提琴", "Mellow Cello"},
    {"没有鼓的古典音乐", "Classical"},
};

TEST(nano_free_wording_is_understood)
{
    drgen *g = open_own();
    char got[512];
    float style[WORDS_STYLE];
    int right = 0;
    for (size_t i = 0; g && i < COUNT(prompts); i++) {
        if (!hear(g, prompts[i].prompt, style)) continue;
        keywords_of(style, got, sizeof got);
        const char *want = prompts[i].means[0] ? prompts[i].means : "Pop Happy"; /* the usual song */
        right += strcmp(got, want) == 0;
        CHECKF(strcmp(got, want) == 0, "\"%s\": %s wanted, %s heard", prompts[i].prompt, want, got);
    }
    printf("  free wording: %d of %zu prompts\n", right, COUNT(prompts));
    drgen_close(g);
}

TEST(nano_unknown_words_change_little)
{
    drgen *g = open_own();
    static const char *const unknown[] = {"qwertz", "x", "the music of my song with vocals", "?!", "\xE9\x9F\xB3", "12345", "_"};
    float heard[WORDS_STYLE], wanted[WORDS_STYLE], plain[WORDS_STYLE];
    words w;
    words_find("Pop, Happy", &w);
    words_style(&w, rows, wanted);
    for (size_t i = 0; g && i < COUNT(unknown); i++) {
        drgen_err err = {0};
        drgen_style part = {.prompt = unknown[i], .weight = 1};
        drgen_status status = drgen_style_vector(g, &part, 1, heard, &err);
        if (status == DRGEN_ERR_TEXT && strspn(unknown[i], "?!_") == strlen(unknown[i])) continue; /* nothing but punctuation */
        CHECKF(status == DRGEN_OK && distance(heard, wanted) < 1e-3, "\"%s\": %s, off by %g", unknown[i], err.message,
               distance(heard, wanted));
    }
    words_find("Metal, Aggressive, slow", &w);
    words_style(&w, rows, plain);
    char prompt[4096] = "a quaint little Metal thing, rather Aggressive, zzz";
    for (int i = 0; i < 250; i++) strcat(prompt, i % 2 ? " qq" : " \xE9\x9F\xB3");
    strcat(prompt, " slow");
    CHECK(g && hear(g, prompt, heard));
    CHECKF(distance(heard, plain) < 1e-3, "between many strange words: off by %g", distance(heard, plain));
    drgen_close(g);
}

TEST(nano_says_what_it_heard)
{
    drgen *g = open_own();
    static const struct {
        const char *prompt, *says;
    } cases[] = {
        {"a slow, sad piano ballad", "slow, sad (melancholic), piano, ballad; the rest means nothing to this model"},
        {"Pop, Happy", "pop, happy"},
        {"ACOUSTICGUITAR and rnb", "acousticguitar (acoustic guitar), rnb (r&b); the rest means nothing to this model"},
        {"hip-hop, 90 BPM", "hip hop, 90 bpm (slow)"},
        {"blah", "nothing; the prompt means nothing to this model"},
        {"no drums", "nothing; the prompt means nothing to this model"},
        {"\xE6\x82\xB2\xE4\xBC\xA4", "\xE6\x82\xB2\xE4\xBC\xA4 (melancholic)"},
    };
    char text[256];
    drgen_err err = {0};
    for (size_t i = 0; g && i < COUNT(cases); i++) {
        CHECKF(drgen_prompt_heard(g, cases[i].prompt, text, sizeof text, &err) == DRGEN_OK, "%s", err.message);
        CHECKF(strcmp(text, cases[i].says) == 0, "\"%s\": \"%s\"", cases[i].prompt, text);
    }
    CHECK(drgen_prompt_heard(g, "slow piano", text, 5, &err) == DRGEN_OK && strcmp(text, "slow") == 0);
    CHECK(drgen_prompt_heard(g, "slow", text, 0, &err) == DRGEN_ERR_ARG);
    drgen_close(g);
}

TEST(nano_refuses_recordings_and_has_its_own_numbers)
{
    drgen *g = open_own();
    if (!g) return;
    drgen_err err = {0};
    float style[WORDS_STYLE];
    drgen_style part = {.audio = "song.wav", .weight = 1};
    CHECK(!drgen_get_info(g).has_audio_tower);
    CHECKF(drgen_style_vector(g, &part, 1, style, &err) == DRGEN_ERR_MODEL && strstr(err.message, "in words") &&
               strstr(err.message, "converted model"), "%s", err.message);
    drgen_song s = drgen_song_default();
    s = drgen_song_resolve(g, &s);
    CHECKF(s.steps == 16 && fabs((double)s.guidance - 1) < 1e-9 && fabs((double)s.sway + 1) < 1e-9 && fabs(s.seconds - 30) < 1e-9,
           "%d %g %g %g", s.steps, (double)s.guidance, (double)s.sway, s.seconds);
    /* Timed lyrics that go on beyond get their time; --length wins. */
    static const struct {
        const char *lyrics;
        double given, want;
    } lengths[] = {{"[00:20.00]early", 0, 30}, {"[00:40.50]later\n[00:10.00]first", 0, 47}, {"[01:33.00]last", 0, 95},
                   {"[99:00.00]never\n[00:40.00]sung", 0, 46}, {"[00:60.00]late", 12, 12}, {"no stamps", 0, 30},
                   {"[00:20.00]sung\n[01:00.00]", 0, 30}};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        drgen_song t = drgen_song_default();
        t.lyrics = lengths[i].lyrics;
        t.seconds = lengths[i].given;
        t = drgen_song_resolve(g, &t);
        CHECKF(fabs(t.seconds - lengths[i].want) < 1e-9, "%s: %g s, %g wanted", lengths[i].lyrics, t.seconds, lengths[i].want);
    }
    CHECK(drgen_get_info(g).seconds_least <= 10 && drgen_get_info(g).seconds_most >= 285);
    drgen_close(g);
}

TEST(nano_vocabulary_is_whole)
{
    nano_vocab v;
    drgen_err err = {0};
    CHECKF(nano_vocab_make(&v, &err) == DRGEN_OK, "%s", err.message);
    size_t heard = 0, plain = 0;
    for (size_t i = 0; i < v.count; i++) {
        float sum = 0;
        for (int k = 0; k < WORDS_COUNT; k++) sum += v.pieces[i].share[k];
        heard += sum > 0;
        plain += sum > 0 && strspn(v.pieces[i].text + 3, "0123456789") == 0;
    }
    printf("  vocabulary: %zu pieces, %zu of them mean something, %zu without beats a minute\n", v.count, heard, plain);
    CHECK(plain > 400 && nano_synonym_count > 150);
    nano_vocab_free(&v);
    nano_vocab_free(&v);
}
