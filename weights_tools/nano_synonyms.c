/* nano_synonyms.c - what people say for the embedded model's keywords. A table: see nano.h. */
#include "weights_tools/nano.h"

/* Words and phrases, separated by |, in lower case with blanks for hyphens; what they mean: keywords, each followed by
 * :share unless it counts in full. Nothing: they are heard, and mean nothing. */
const nano_synonym nano_synonyms[] = {
    /* ---- genres */
    {"pop music|poppy|popsong|pop song|pop songs|pop ballad|power pop|indie pop|kpop|jpop|cantopop|mandopop|"
     "bubblegum", "Pop"},
    {"synthpop|synth pop|electropop|electro pop", "Pop Synthesizer"},
    {"dance pop", "Pop Dance"},
    {"rocky|rocker|rock n roll|rock and roll|rocknroll|rockabilly|rock music|indie|indie rock|alternative rock|"
     "alt rock|hard rock|garage rock|classic rock|surf rock|stadium rock|arena rock|grunge|britpop|shoegaze|"
     "soft rock|progressive rock|prog rock|prog", "Rock"},
    {"pop rock", "Pop Rock"},
    {"folk rock", "Folk Rock"},
    {"electronica|electro|techno|trance|edm|idm|dubstep|rave|synthwave|vaporwave|chiptune|chip tune|8 bit|"
     "drum and bass|drum n bass|dnb|breakbeat|jungle music|glitch|industrial|hardstyle|electronic music|"
     "electronic dance music|future bass|club music", "Electronic"},
    {"ambient|chillout|chill out|downtempo|new age|meditation|meditative|drone", "Electronic Relaxed slow"},
    {"lofi|lo fi", "Hip-Hop Mellow"},
    {"bluesy|blues music|delta blues|blues rock|12 bar blues", "Blues"},
    {"rnb|r & b|r n b|r and b|rhythm and blues|rhythm n blues|neo soul|contemporary r&b", "R&B"},
    {"jazzy|jazz music|bebop|bop|swing|swinging|big band|bossa|bossa nova|dixieland|ragtime|lounge|cool jazz|"
     "free jazz|latin jazz", "Jazz"},
    {"smooth jazz", "Jazz Mellow"},
    {"soulful|soul music|motown|gospel|spiritual|spirituals", "Soul"},
    {"country music|country song|bluegrass|western|cowboy|honky tonk|hillbilly|nashville|cajun", "Country"},
    {"americana", "Country Folk"},
    {"folksy|folky|folk music|folk song|folksong|folk songs|celtic|irish|sea shanty|shanty|singer songwriter|"
     "campfire|troubadour|traditional", "Folk"},
    {"dance music|dance track|dancey|danceable|dancefloor|dance floor|dancing|eurodance|eurobeat|bigroom|big room|"
     "clubbing|nightclub", "Dance"},
    {"rapper|rapping|rapped|raps|rap music|freestyle|gangsta|drill|grime", "Rap"},
    {"rap vocals|rap voice|rap vocal|male rap|female rap", ""},
    {"classic music|classical music|baroque|symphonic|romantic era|chamber music|sonata|concerto|waltz|minuet|opera|"
     "operatic|bach|mozart|beethoven|chopin|neoclassical|neo classical|fugue|nocturne", "Classical"},
    {"orchestral|orchestra|symphony|philharmonic|cinematic|film score|soundtrack|epic|"
     "movie score", "Classical Strings"},
    {"string quartet", "Classical Strings Cello:0.5"},
    {"hiphop|hip hop music|hip hop beat|boom bap|boombap|trap|trap beat|phonk|trip hop|triphop|g funk|"
     "gangster rap", "Hip-Hop"},
    {"chinese style|chinese music|china|guzheng|erhu|pipa|gufeng|oriental|mandarin|cantonese", "Chinese"},
    {"house music|deep house|tech house|garage|uk garage|acid house|french house|progressive house", "House"},
    {"punky|punk rock|pop punk|hardcore|emo|ska punk|post punk|skate punk|riot grrrl", "Punk"},
    {"heavy metal|death metal|black metal|thrash|thrash metal|doom metal|metalcore|headbanging|headbanger|djent|"
     "nu metal", "Metal"},
    {"symphonic metal", "Metal Strings"},
    {"funky|funk music|funkadelic|groovy|slap bass", "Funk"},
    {"ska|dub|dancehall|reggae music|roots reggae|rasta|rastafari|jamaican|reggaeton|caribbean|calypso|rocksteady|"
     "island", "Reggae"},
    {"disco music|boogie|nu disco|italo|italo disco|70s dance", "Disco"},
    /* ---- moods */
    {"romance|amorous|sensual|sexy|seductive|sweet|valentine|candlelight|intimate|dreamy love", "Romantic"},
    {"nostalgia|wistful|retro|vintage|old school|oldschool|old fashioned|sentimental|memories|bittersweet|longing|"
     "homesick|yearning|oldies", "Nostalgic"},
    {"warm hearted|sincere|tender|tenderly|gentle|gently|touching|grateful|honest|earnest|kind", "Heartfelt"},
    {"ballad|ballads|ballade", "Heartfelt slow"},
    {"power ballad", "Rock Emotional slow"},
    {"lullaby|lullabies|cradle song", "Relaxed slow"},
    {"gentle lullaby|soft lullaby", "Relaxed Heartfelt:0.5 slow"},
    {"cheerful|cheery|joyful|joyous|joy|glad|merry|jolly|gleeful|delighted|bright|smiling|feel good|feelgood|"
     "good mood|sunshine|sunny|major key|happily|happiness|positive|festive|christmas|xmas", "Happy"},
    {"sad|sadness|sadly|melancholy|gloomy|gloom|sorrow|sorrowful|mournful|mourning|tearful|tears|depressed|"
     "depressing|depressive|somber|sombre|miserable|misery|unhappy|grief|lonely|loneliness|lonesome|rainy|minor key|"
     "blue mood|funeral|requiem|tragic|crying|weeping|downcast|dismal|bleak|doleful|plaintive", "Melancholic"},
    {"bluesy sad", "Blues Melancholic"},
    {"loving|lovely|lover|lovers|beloved|love song|love songs|lovesong|in love|adoring|affection|affectionate|"
     "devotion|crush", "Love"},
    {"up beat|peppy|perky|bouncy|lively|catchy|spirited|bubbly|buoyant", "Upbeat"},
    {"energy|high energy|energized|energised|powerful|exciting|excited|driving|dynamic|vigorous|pumping|workout|gym|"
     "explosive|vibrant|electrifying|hype|adrenaline|anthemic|anthem|banger|loud", "Energetic"},
    {"inspiring|inspirational|inspired|motivational|encouraging|triumphant|victorious|heroic|majestic|soaring|"
     "glorious|elevating", "Uplifting"},
    {"care free|easygoing|easy going|light hearted|lighthearted|lightheartedly|summer|summery|beach|holiday|vacation|"
     "breezy|airy|free spirited|whimsical", "Carefree"},
    {"funny|playful|silly|party|goofy|humorous|humourous|comic|comical|quirky|cute|kids|children|nursery rhyme|joke|"
     "amusing", "Fun"},
    {"emotive|emotion|emotions|moving|dramatic|drama|expressive|poignant|deep feeling|stirring", "Emotional"},
    {"heartbreak|heartbreaking|heart broken|broken heart|brokenhearted|broken hearted|breakup|break up|lost love|"
     "betrayed|heartache|aching", "Heartbroken"},
    {"thoughtful|introspective|pensive|contemplative|pondering|philosophical|quiet|mysterious|haunting|"
     "melodic reflection|soul searching|atmospheric|ethereal|dreamy|dreamlike", "Reflective"},
    {"soft|softly|warm|warmth|smooth|mild|laid back|laidback|silky|cozy|cosy|velvety|soothing", "Mellow"},
    {"hope|hopefully|optimistic|optimism|sunrise|dawn|spring|promising|looking forward", "Hopeful"},
    {"relax|relaxing|relaxation|calm|calming|calmly|peaceful|peace|serene|serenity|tranquil|chill|chilled|chilling|"
     "sleepy|sleep|restful|easy listening|bedtime|study music|spa|yoga", "Relaxed"},
    {"passion|intense|intensity|fiery|burning|ardent|fervent|flamenco|tango|salsa|latin", "Passionate"},
    {"angry|anger|aggression|aggressively|rage|raging|furious|fury|brutal|violent|dark|darkness|evil|sinister|"
     "menacing|scary|ominous|spooky|horror|heavy|hard|harsh|fierce|wild|rebellious|noisy|war|battle|villain|creepy|"
     "raw", "Aggressive"},
    /* ---- instruments */
    {"pianos|pianist|pianoforte|grand piano|upright piano|keys|keyboard|keyboards|rhodes|electric piano|e piano|"
     "clavinet|harpsichord|celesta|music box", "Piano"},
    {"electric guitars|e guitar|lead guitar|distorted guitar|distorted guitars|distortion|overdriven guitar|"
     "overdrive|guitar solo|guitar riff|guitar riffs|riffs|riff|power chords|shredding|fuzz|crunchy guitars|"
     "heavy guitars", "ElectricGuitar"},
    {"drum|drummer|drumming|drum kit|drumkit|drum set|drum machine|808|909|snare|kick drum|hi hat|hihat|hi hats|"
     "breakbeats|beats|percussive drums|live drums", "Drums"},
    {"synth|synths|synthesizers|synthesiser|synthesisers|synthetic|moog|analog synth|arpeggiator|arpeggio|arpeggios|"
     "synth pads|synth pad|pads|synth lead|modular", "Synthesizer"},
    {"basses|bassline|basslines|bass line|bass lines|sub bass|deep bass|synth bass|808 bass|upright bass|double bass|"
     "contrabass|walking bass", "Bass"},
    {"string|string section|strings section|string ensemble|stringed|viola|violas|harp|lush strings|"
     "pizzicato", "Strings"},
    {"bass guitars|bassist", "BassGuitar"},
    {"electric basses", "ElectricBass"},
    {"acoustic|acoustically|unplugged|acoustic guitars|nylon guitar|classical guitar|steel string guitar|"
     "spanish guitar|fingerpicked|fingerpicking|finger picked guitar|strummed|strumming|ukulele|"
     "mandolin", "AcousticGuitar"},
    {"guitars|guitarist|gtr|slide guitar|pedal steel|lap steel|clean guitar|twangy", "Guitar"},
    {"trumpets|trumpeter|brass|horn|horns|horn section|brass section|trombone|trombones|cornet|tuba|french horn|"
     "fanfare|mariachi", "Trumpet"},
    {"sax|saxes|saxophones|saxophonist|tenor sax|alto sax|saxofon|clarinet|oboe|bassoon|woodwind|"
     "woodwinds", "Saxophone"},
    {"violins|violinist|fiddle|fiddles|fiddler", "Violin"},
    {"organs|organist|hammond|church organ|pipe organ|b3|hammond organ", "Organ"},
    {"percussive|shaker|shakers|tambourine|congas|conga|bongo|bongos|maracas|cowbell|djembe|tabla|claps|clapping|"
     "handclaps|hand claps|timpani|marimba|xylophone|vibraphone|glockenspiel|steel drums|bells", "Percussion"},
    {"vocal samples|vocal sampled|vocal chops|vocal chop|vocoder|talkbox|choir|choirs|choral|sampled vocals|samples|"
     "sampler", "VocalSample"},
    {"flutes|flutist|flautist|recorder|panpipes|pan flute|pan pipes|whistle|tin whistle|whistling|ocarina|dizi|"
     "piccolo", "Flute"},
    {"harmonicas|mouth organ|blues harp|accordion|accordeon|concertina|melodica", "Harmonica"},
    {"banjos|banjoist|sitar|shamisen|bouzouki|lute|oud", "Banjo"},
    {"cellos|cellist|violoncello", "Cello"},
    /* ---- tempo */
    {"faster|fastest|quick|quickly|quicker|uptempo|up tempo|rapid|rapidly|speedy|speed|presto|allegro|vivace|brisk|"
     "hectic|frantic|high tempo|fast tempo|fast paced|racing|running|breakneck", "fast"},
    {"mid tempo|midtempo|moderate|moderately|moderato|andante|medium tempo|mediumtempo|walking pace|medium paced|"
     "steady tempo", "medium"},
    {"slower|slowly|slowest|slow tempo|slow paced|low tempo|adagio|largo|lento|unhurried|leisurely|slow motion|"
     "dragging|slowed|slowcore|slow dance", "slow"},
    {"not fast|not too fast|not so fast", "medium"},
    {"not slow|not too slow|not so slow", "medium"},
    {"sadcore", "Melancholic slow"},
    {"serenade", "Romantic Heartfelt:0.5 slow"},
    {"hymn|prayer|worship|christian", "Soul Hopeful"},
    {"march|marching", "Classical Drums medium"},
    {"polka", "Folk Fun fast Harmonica:0.5"},
    {"jig|reel|hoedown|square dance", "Folk fast Violin:0.5"},
    {"afrobeat|afrobeats|afro", "Funk Percussion"},
    {"samba|bossa beat", "Carefree Percussion"},
    /* ---- Chinese; traditional characters become simplified ones on the way in */
    {"流行|流行乐|流行音乐|流行歌|流行歌曲", "Pop"},
    {"摇滚|摇滚乐|硬摇滚", "Rock"},
    {"电子|电子乐|电子音乐|电音|科技舞曲", "Electronic"},
    {"蓝调|布鲁斯", "Blues"},
    {"节奏蓝调|节奏布鲁斯", "R&B"},
    {"爵士|爵士乐", "Jazz"},
    {"灵魂|灵魂乐|福音", "Soul"},
    {"乡村|乡村音乐", "Country"},
    {"民谣|民歌|民乐|校园民谣", "Folk"},
    {"舞曲|跳舞", "Dance"},
    {"说唱|饶舌", "Rap"},
    {"古典|古典乐|古典音乐", "Classical"},
    {"交响|交响乐|管弦|管弦乐|史诗", "Classical Strings"},
    {"嘻哈|嘻哈音乐", "Hip-Hop"},
    {"中国风|国风|古风|中国|中文|古筝|二胡|琵琶", "Chinese"},
    {"浩室", "House"},
    {"朋克", "Punk"},
    {"金属|重金属", "Metal"},
    {"放克", "Funk"},
    {"雷鬼", "Reggae"},
    {"迪斯科", "Disco"},
    {"浪漫|甜蜜", "Romantic"},
    {"怀旧|怀念|复古|回忆|思念|思乡", "Nostalgic"},
    {"真挚|真诚|深情|温柔", "Heartfelt"},
    {"快乐|欢乐|开心|高兴|愉快|喜悦|欢快|阳光|喜庆", "Happy"},
    {"悲伤|忧伤|伤感|忧郁|难过|悲|伤心|哀伤|抑郁|孤独|寂寞", "Melancholic"},
    {"爱|爱情|恋爱|情歌", "Love"},
    {"抒情|抒情歌", "Heartfelt slow"},
    {"轻快|活泼", "Upbeat"},
    {"激情|热情", "Passionate"},
    {"活力|有力|充满活力|动感|激昂", "Energetic"},
    {"振奋|励志|鼓舞|昂扬", "Uplifting"},
    {"自在|无忧无虑|夏天|海滩|逍遥", "Carefree"},
    {"有趣|好玩|搞笑|派对|可爱|俏皮", "Fun"},
    {"感人|感动|情感|煽情", "Emotional"},
    {"心碎|失恋|分手", "Heartbroken"},
    {"沉思|思考|安静|神秘|梦幻", "Reflective"},
    {"柔和|温暖|舒缓|柔美", "Mellow"},
    {"希望|充满希望", "Hopeful"},
    {"放松|轻松|平静|宁静|悠闲|助眠", "Relaxed"},
    {"摇篮曲|催眠曲", "Relaxed slow"},
    {"愤怒|黑暗|激烈|暴躁|恐怖|凶狠", "Aggressive"},
    {"钢琴", "Piano"},
    {"电吉他", "ElectricGuitar"},
    {"鼓|架子鼓|鼓点|鼓声", "Drums"},
    {"合成器", "Synthesizer"},
    {"贝斯|贝司|低音", "Bass"},
    {"弦乐|竖琴", "Strings"},
    {"木吉他|原声吉他|古典吉他|尤克里里|不插电", "AcousticGuitar"},
    {"吉他", "Guitar"},
    {"小号|铜管|号角", "Trumpet"},
    {"萨克斯|萨克斯风|单簧管", "Saxophone"},
    {"小提琴", "Violin"},
    {"管风琴|风琴", "Organ"},
    {"打击乐|打击乐器|铃鼓", "Percussion"},
    {"合唱|合唱团|人声采样", "VocalSample"},
    {"长笛|笛子|笛|箫", "Flute"},
    {"口琴|手风琴", "Harmonica"},
    {"班卓琴", "Banjo"},
    {"大提琴", "Cello"},
    {"快|快速|快节奏|快歌|高速", "fast"},
    {"中速|中等速度|适中", "medium"},
    {"慢|慢速|慢节奏|慢歌|缓慢", "slow"},
    /* ---- what looks like a keyword and is none */
    {"凉快|爽快|尽快|傲慢|鼓励|古典主义|可怜|悲观|爱好|爱国|亲爱的", ""},
    {"countryside|organic|organically|electrocuted|electrician|electricity|housewife|soulmate|soul mate|light house|"
     "full house|white house|my house|the house|fast food|breakfast|love letter|metalwork|rock bottom|hard drive|"
     "hard disk|hard times|horn rimmed|darkroom|hit record|powerful vocals|vintage production|"
     "polished vintage production|raw garage production|cinematic production|heavy production|sunny production|"
     "smooth studio production|warm studio production|hard hitting studio production|intimate acoustic production|"
     "pop up|no music|spring water|classmates|classroom|strings attached|no strings attached|bass fishing|"
     "acoustic foam|relaxed fit", ""},
};
const size_t nano_synonym_count = sizeof nano_synonyms / sizeof *nano_synonyms;
