/**
 * What the segmenter knows about languages: abbreviations and how each kind behaves, words that start a sentence,
 * ordinals, months.
 *
 * @since 0.1.0
 */

// =====================================================================================================================
// Kinds of abbreviation, as bits: a word may be more than one ("5 ft. long", "Ft. Worth")
// =====================================================================================================================

/** Stands before a name: never ends a sentence. "Dr." @internal */
export const Title = 1
/** Stands before a number: does not end a sentence when a number follows. "No. 5" @internal */
export const Numbered = 2
/** Never ends a sentence. "e.g." @internal */
export const Connector = 4
/** Ends a sentence only when a word follows that starts sentences. "Inc." @internal */
export const General = 8
/** Ends a sentence when a capital follows. "etc." @internal */
export const Closing = 16
/** Is an abbreviation only after a number, and then ends a sentence when a capital follows. "5 kg." @internal */
export const Unit = 32
/** A time of day: ends a sentence when a capital follows that is neither a time zone nor a weekday. "p.m." @internal */
export const Time = 64
/** Is an abbreviation only when it starts with a capital. "Mass." @internal */
export const Proper = 128
/** Is an abbreviation only after the word "et". @internal */
export const AfterEt = 256

/** @internal */
export interface Language {
  readonly abbreviations: ReadonlyMap<string, number>
  /** The beginnings of abbreviations of several words: "ee" of "ee.uu". */
  readonly beginnings: ReadonlySet<string>
  /** Words, in lower case, that start a sentence when they are capitalised after an abbreviation. */
  readonly starters: ReadonlySet<string>
  /** Words that cannot end a line or a sentence. */
  readonly joiners: ReadonlySet<string>
  /** Whether "3." before a word is an ordinal rather than the end of a sentence. */
  readonly ordinals: boolean
}

interface Source {
  readonly title?: string
  readonly numbered?: string
  readonly connector?: string
  readonly general?: string
  readonly closing?: string
  readonly unit?: string
  readonly time?: string
  readonly proper?: string
  readonly starters?: string
  readonly joiners?: string
  /** Frequent words that identify the language; only for Latin script. */
  readonly hints?: string
  readonly ordinals?: boolean
}

const words = (text: string | undefined): ReadonlyArray<string> => text === undefined ? [] : text.trim().split(/\s+/)

// Titles and signs of English that texts of every language use.
const international: Source = {
  title: "mr mrs ms dr prof",
  connector: "e.g i.e vs cf",
  general: "inc ltd corp jr ph.d",
  numbered: "no nr n° nº vol",
  closing: "etc",
  time: "a.m p.m"
}

const english: Source = {
  title: `
    mr mrs ms mx messrs mmes dr drs prof profs gen sen sens rep reps gov govs lt lieut col capt cpt cmdr comdr cdr
    sgt cpl pvt maj adm radm vadm rev revd hon fr msgr pres supt insp det st mt mts ft pt ste mme mlle amb atty
    sec'y asst dep cllr gend ven bp br sr mgr ald`,
  numbered: `
    no nos n° nº num vol vols fig figs eq eqs sec sect secs art arts ch chap chs chaps p pp pg pgs para paras pt pts
    op ref refs ver ex exs apt rm bldg ste ll bk pl jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues
    wed weds thu thur thurs fri sat sun ext`,
  connector: "e.g eg i.e ie vs viz cf approx ca c resp incl excl esp aka a.k.a tel v al b nee b.c.e",
  general: `
    inc ltd co corp bros jr sr esq ph.d m.d b.a m.a b.s m.s b.sc m.sc m.phil d.phil ed.d d.d.s j.d ll.b ll.m llb mba
    m.b.a ave av blvd rd ln hwy pkwy sq cres ter ct dr.s dept depts univ assn assoc inst intl int'l nat'l natl govt
    gov't mfg mgmt mgr min est ed eds repr misc abbr adj adv anon contd cont'd ency fwd prob std attn encl enc i.v
    u.s.c f.2d f.3d p.s`,
  proper: `
    ala ariz ark calif cal colo conn del fla ga ida ill ind kan kans ky la md mass mich minn miss mo mont neb nebr
    nev okla ore penn penna pa tenn tex va vt wash wis wisc wyo ont que alta sask`,
  closing: "etc",
  unit: `
    am pm oz lb lbs ft in yd yds mi mph gal qt pt pts kg mg g km cm mm m ml l hr hrs min mins sec secs wk wks mo mos
    yr yrs cu sq cc hz khz mhz ghz kb mb gb tb bn mn mil tsp tbsp doz deg`,
  time: "a.m p.m",
  starters: `
    the this that these those he she it they we you i a an my our his her their its your but and so yet or however
    if when whenever while what where who whom whose why how which there here then in on at for from after before
    since until as although though because despite during no yes not please let do does did don is are was were isn
    aren can could would will should shall may might must have has had one some many most much more all each every
    both another other others none nobody nothing everyone everybody everything someone somebody something anyone
    anything once now today tomorrow yesterday tonight first second third finally next later meanwhile also only
    even just perhaps maybe never always sometimes often instead therefore thus hence moreover furthermore
    nevertheless still again according by with without under over between among through about against to too two
    three four five six several few little such same unlike like being millions thousands hundreds dozens hello hi
    thanks thank okay ok well oh sure sorry remember consider note see look come go make take try`,
  joiners: "the a an of and or but with from for my our your their its than into because between whose very",
  hints: `
    the of and to is was that for with his he it as at be this have from they which you are not were we an by her
    she had i me my do does so said go on in no can all will would there what who if out up some them then has been one
    our us more when your it's don't i'm that's come die how why`
}

const german: Source = {
  title: `
    hr hrn herrn fr frl dr drs prof dipl ing dipl.-ing sr br geb verh kfm hl sel gen rer nat phil jur med habil a.d`,
  numbered: `
    jan jän feb febr mär apr jun jul aug sep sept okt nov dez mo di mi do fr so nr nrn s bd bde abs art kap abb tab
    ziff rn rdnr anm fn lit tit bl sp hs vers aufl jg h pos`,
  connector: `
    z.b zb d.h dh u.a ua o.ä oä u.ä v.a va i.d.r idr bzw bspw ca vgl sog ggf ggfs evtl evt insb insbes inkl exkl
    einschl v n z i d u o m.e m.e.w i.a i.v i.h.v u.u s.o s.u vs resp mtl jährl allg entspr zzgl abzgl zw gem lt
    lfd od rd gegr erg hrsg hg übers verf bearb ehem urspr u.s.w tel ndl österr dt`,
  general: `
    v.chr n.chr chr phd max min mind bes engl franz lat griech italien amerik str pl abt co gmbh inc e.v eg ag st jh
    jhd jhdt jr sen jun mwst bhf hbf kfz lkw pkw tsd fa u.s.a usa p.s ps`,
  closing: "usw etc u.s.f usf ff f a.m p.m",
  unit: "mio mrd tsd std min sek km kg cm mm stk st qm jh jhd jhdt",
  starters: `
    der die das den dem des ein eine einen einem einer er sie es wir ihr ich du man dies diese dieser dieses diesen
    jene jener alle viele einige manche jeder jede mein meine sein seine unser unsere ihre aber und oder doch denn
    sondern wenn als ob weil obwohl während nachdem bevor dann danach später heute gestern morgen hier dort da nun
    jetzt was wer wie wo wann warum wieso weshalb welche welcher in im am an auf aus bei mit nach von vom vor zu zum
    zur für durch über unter gegen ohne um bis seit trotz wegen auch nur noch schon so nicht kein keine ja nein
    bitte danke also außerdem jedoch trotzdem deshalb daher dabei damit dazu dafür darauf zuerst schließlich endlich
    vielleicht leider natürlich insgesamt zwar zwei drei`,
  joiners: `
    der die das den dem des ein eine einen einem einer und oder aber in im am an auf aus bei mit nach von vom vor zu
    zum zur für durch über unter gegen ohne um bis seit ist sind war hat haben wird werden kann dass als wie sehr
    nicht`,
  hints: `
    der die das und ist nicht ein eine ich sie er wir den dem des zu mit auf für von im am auch sich es wird war
    sind hat bei nach aus als wurde einen wie zum zur oder aber nur haben`,
  ordinals: true
}

const french: Source = {
  title: "m mm mme mmes mlle mlles mgr dr drs pr prof st ste sts stes cdt cap col gal lt r.p",
  numbered: `
    janv févr fév avr juil sept oct nov déc lun mar mer jeu ven sam dim n no nos n° nº p pp pag vol vols chap art al
    fig t tab éd ch ann liv bd av r`,
  connector: `
    p.ex cf c.-à-d c.à.d càd ap i.e e.g vs tél tel réf hab conf id ibid op loc n.d.l.r n.d.t suppl n.b s.v.p svp`,
  general: `
    ex env max min cie sté s.a s.a.r.l bd boul av pl r.a.t.p s.n.c.f o.n.u u.e éd coll trad dir dép dépt ing inc jr
    sup inf adj adv apr intr`,
  closing: "av.j.-c ap.j.-c etc",
  unit: "km kg cm mm hab min sec h mn ha millions",
  starters: `
    le la les l un une des du de ce cet cette ces il elle ils elles on nous vous je j tu c ça cela mon ma mes son sa
    ses notre nos votre leur leurs mais et ou or donc car si quand lorsque comme puisque parce après avant pendant
    depuis dans en au aux à sur sous pour par avec sans chez entre vers contre que qui quoi où quel quelle comment
    pourquoi combien puis ensuite enfin alors ainsi aussi cependant pourtant toutefois néanmoins aujourd hier demain
    ici là non oui merci bonjour tout tous toute toutes chaque plusieurs quelques certains d ne n s y voici voilà
    peut selon malgré deux trois`,
  joiners: `
    le la les un une des du de et ou mais à au aux en dans sur pour par avec que qui ce cette ces son sa ses est
    sont a ont très ne pas plus`,
  hints: `
    le la les un une des du et est que qui dans en pour pas sur avec ce il elle je nous vous sont au aux par plus ne
    se été cette ont mais ou d'un qu'il c'est`
}

const spanish: Source = {
  title: `
    sr sra sres sras srta srtas dr dra dres dras d dn dª dña prof profa lic licda ing arq abog gral gen cnel cap tte
    sgto cmdte mons pbro fr sto sta ud uds vd vds excmo excma ilmo ilma rvdo rvda hno hna hnos s.m s.a.r s.s pdte
    pdta dir`,
  numbered: `
    ene feb mar abr jun jul ago sep sept set oct nov dic lun mié jue vie sáb dom n no nº n.º núm núms num pág págs
    pag pags p pp vol vols cap caps art arts fig figs t ed apdo párr inc tel c`,
  connector: `
    p.ej pej ej p.e aprox vs cf cfr tel tfno tlf máx mín max esq entlo izq izdo izda dcha dcho av avd avda pza
    plza ctra urb prov dpto depto admón edif ent ref`,
  general: `
    ee.uu eeuu s.a s.l s.r.l s.a.c ltda cía cia co inc bco hnos jr comp ayto gob min univ fdez gcía mtz rguez ud u.e
    o.n.u p.d p.s`,
  closing: "a.c d.c a.e.c a.j.c d.j.c etc",
  unit: "km kg cm mm m h hs hrs min seg s g l ml ha pts ptas",
  time: "a.m p.m",
  starters: `
    el la los las un una unos unas lo este esta estos estas ese esa esos esas aquel aquella él ella ellos ellas
    nosotros ustedes usted yo tú se me te nos mi mis su sus tu tus nuestro nuestra pero y e o u sino aunque si
    cuando como porque pues mientras después antes durante desde en de del al a con sin sobre para por entre hacia
    hasta según tras que qué quién quien cuál cuánto cómo cuándo dónde donde luego entonces así también tampoco
    además embargo hoy ayer mañana aquí allí ahora no sí gracias hola todo todos toda todas cada varios algunos
    muchos otro otra es son era fue hay ha han había ya solo sólo siempre nunca dos tres`,
  joiners: "el la los las un una unos unas de del al a en con por para y o e u que su sus se es son muy no más como",
  hints: `
    el la los las un una de del que y en es por con para se no su al lo como más pero sus le ya o fue este ha sí
    porque esta son entre está cuando muy sin sobre`
}

const italian: Source = {
  title: `
    sig sigg sig.ra sig.na sigra dott dott.ssa dottssa dr prof prof.ssa ing avv arch geom rag on sen gen col cap ten
    mons s ss card cav comm egr gent spett ill.mo rev ecc.mo dir pres min st`,
  numbered: `
    gen feb mar apr mag giu lug ago set sett ott nov dic lun mer gio ven sab dom n nr num pag pagg p pp vol voll cap
    capp art artt fig figg tav par sez tel lett co`,
  connector: `
    p.es es ad.es cfr cf vd v ca circa c.a p.v a.c.n av d.p.r d.l d.lgs tel fax max min ed vs int incl c/o rif all`,
  general: `
    s.p.a spa s.r.l srl s.n.c s.a.s f.lli flli c.so p.za p.zza v.le l.go c.p u.s.a u.e o.n.u q.b n.b p.s jr ed trad
    prov`,
  closing: "a.c d.c ecc etc",
  unit: "km kg cm mm m h min sec gr l ml ha mq",
  starters: `
    il lo la i gli le l un uno una questo questa questi queste quello quella quelli lui lei noi voi loro io tu egli
    ella esso essi si mi ti ci vi ma e ed o oppure però se quando come perché poiché mentre dopo prima durante da
    dal dalla dai in nel nella nei nelle a al alla ai agli alle con col senza su sul sulla per tra fra di del della
    dei delle che chi cosa quale quanto dove poi quindi allora così anche inoltre infine tuttavia oggi ieri domani
    qui là ora adesso non sì no grazie ciao buongiorno tutto tutti ogni molti alcuni altri è sono era ha hanno c due
    tre secondo`,
  joiners: `
    il lo la i gli le un uno una di del della dei delle a al alla in nel nella con su sul sulla per tra fra e o che
    è sono ha molto non più come`,
  hints: `
    il la di che è un una in per non con del della si le dei i da al nel come sono più gli lo anche alla ma ha
    questo delle dalla era nella su tra cosa perché`
}

const portuguese: Source = {
  title: `
    sr sra srs sras srta dr dra drs dras prof profa profª d dom dona eng engª arq gen cel cap ten sgt maj min des
    exmo exma exa ilmo ilma v v.exa vexa s sta sto pe fr rev gov pres dep sen`,
  numbered: `
    jan fev mar abr mai jun jul ago set out nov dez seg ter qua qui sex sáb dom n nº n.º num núm pág págs pag pags p
    pp vol vols cap art arts fig figs inc t tel al`,
  connector: `
    p.ex pex ex p.e aprox cf cfr vs tel tels máx mín max min obs ref c séc séculos av r pç trav rod est al ed org
    orgs trad`,
  general: "s.a sa ltda cia c.ia e.u.a eua jr depto dept lda ind com univ inst assoc fls proc des rel",
  closing: "a.c d.c e.c etc",
  unit: "km kg cm mm m h min seg s g l ml ha",
  starters: `
    o a os as um uma uns umas este esta estes estas esse essa esses essas aquele aquela isto isso aquilo ele ela
    eles elas nós eu tu você vocês se me te meu minha seu sua seus suas nosso nossa mas e ou porém quando como
    porque pois enquanto depois antes durante desde em no na nos nas de do da dos das ao à aos às com sem sobre para
    por pelo pela entre até segundo que quem qual quanto onde então assim também além hoje ontem amanhã aqui ali lá
    agora não sim obrigado olá todo todos toda todas cada vários alguns muitos outro outra é são era foi há tem já
    só sempre nunca dois três`,
  joiners: `
    o a os as um uma de do da dos das em no na nos nas ao à com por para pelo pela e ou que se é são muito não mais
    como seu sua`,
  hints: `
    o a os as um uma de do da dos das em no na que e é não para com por se mais foi como ao ele ela seu sua são você
    está tem mas isso à já também pela pelo eu`
}

const dutch: Source = {
  title: "dhr mevr mw mej dr drs ir ing mr prof ds bc ba sr st h gebr burg min gen kol kapt",
  numbered: `
    jan feb mrt apr jun jul aug sep sept okt nov dec ma di wo do vr za zo nr nrs blz p pp pag art hfst fig afb tab
    dl jrg par lid bijl`,
  connector: `
    bijv bv b.v d.w.z dwz o.a oa m.a.w maw t.o.v tov i.p.v ipv m.b.t mbt m.b.v t.a.v i.v.m ivm o.m m.n mn n.a.v
    a.d.h.v d.m.v i.t.t t.g.v t.w.v v.d ca vgl resp incl excl max min evt z.g zgn a.u.b aub s.v.p svp zie jl tel
    z.s.m i.o i.c t/m vs ong gem nl ned`,
  general: "v.chr n.chr str ln pl inc co n.v b.v jr red uitg vert afd dir secr penn univ",
  closing: "enz e.d ed e.a etc",
  unit: "km kg cm mm m uur min sec mln mld st l",
  starters: `
    de het een hij zij ze wij we jij je u ik men dit dat deze die mijn zijn haar hun ons onze uw maar en of want dus
    als toen wanneer omdat hoewel terwijl nadat voordat daarna later vandaag gisteren morgen hier daar nu wat wie
    waar hoe waarom welke in op aan bij met naar van voor uit over onder tegen zonder om tot sinds door ook nog al
    niet geen ja nee dank er toch echter bovendien daarom misschien alle veel sommige elke iedere twee drie volgens
    na tussen`,
  joiners: `
    de het een van in op aan bij met naar voor uit over onder om tot door en of maar te is zijn was heeft die dat
    zeer niet als`,
  hints: `
    de het een en van is dat op te in niet zijn met voor hij er aan ook maar als die ik bij uit naar om dan wordt
    hebben heeft deze nog wel geen werd ze wij je`
}

const polish: Source = {
  title: `
    dr hab prof mgr inż lek med ks bp abp kard o s św śp gen płk mjr kpt por ppor sierż st adm red dyr prez min ul
    al pl os im zw`,
  numbered: "nr str s t art ust pkt poz rozdz rys tab par zob nry",
  connector: `
    np tzn tj m.in tzw ok por zob ang niem łac fr franc ros wł hiszp gr bałt słow czes ukr lit węg tur arab jap chiń
    pot dosł przen wg pt tel jw ww ds spr godz max min ob in ur zm śr gł pow woj gm pon wt czw sob niedz stycz lut
    mar kwiet czerw lip sierp wrzes paźdz listop grudz bież`,
  general: "sp s.a sa z.o.o o.o zoo spółdz jr itd wyd oprac tłum przekł uniw ins wydz zakł",
  closing: "p.n.e pne n.e ne itd itp etc cdn wiek",
  unit: "tys mln mld zł gr km kg cm mm m min sek godz l ha r w ww h",
  starters: `
    on ona ono oni one ja ty my wy to ten ta te ci jest był była było są w we na do z ze od po pod nad przed przez
    przy o u dla za bez między ale i a lecz więc jednak jeśli jeżeli gdy kiedy ponieważ bo chociaż potem później
    dziś dzisiaj wczoraj jutro tu tutaj tam teraz co kto jak gdzie dlaczego czy który która które nie tak już
    jeszcze też także również wszystko wszyscy każdy wiele kilka jego jej ich mój nasz dzień pan pani proszę
    dziękuję dwa trzy według podczas`,
  joiners: `
    w we na do z ze od po pod nad przed przez przy o u dla za bez i a oraz lub albo że jest są był bardzo nie`,
  hints: `
    w i na z się do nie że jest to o jak ale po co tak za od by był przez dla czy są jego ma tylko tym już może ich
    pod jako które który która oraz`,
  ordinals: true
}

const danish: Source = {
  title: "hr fr frk dr prof sr st kpt gen pastor ing",
  numbered: `
    jan feb mar apr jun jul aug sep sept okt nov dec tirs ons tors fre lør søn nr s st kap art fig bd stk afsn pkt`,
  connector: `
    f.eks fx bl.a dvs d.v.s ca mht m.h.t pga p.g.a ift vedr evt inkl ekskl max maks min jf jvf o.l ang iflg if
    hhv tlf kl f.kr e.kr alm vs såk pr afd bl`,
  general: "a/s aps inc jr red udg overs",
  closing: "osv m.m mm m.v mv m.fl mfl etc o.lign olign",
  unit: "kr mio mia km kg cm mm m min sek t",
  starters: `
    han hun den det de vi i jeg du man der dette denne disse en et men og eller så hvis når da fordi mens efter før
    siden på til fra med uden om for under over ved hvad hvem hvor hvordan hvorfor hvilken ja nej tak her nu også
    alle mange nogle to tre`,
  joiners: "og i på til fra med om for af at en et den det de er var har som ikke meget under over ved",
  hints: `
    og i det at en den til er som på de med han af for ikke der var sig et har om vi jeg havde men hun fra blev kan
    være ved efter også når hvad nogle eller`,
  ordinals: true
}

const swedish: Source = {
  title: "hr fr frk dr prof st s:t kapt gen ing doc",
  numbered: `
    jan feb mar apr jun jul aug sep sept okt nov dec mån tis ons tors fre lör sön nr s sid kap art fig bd st p`,
  connector: `
    t.ex tex bl.a bla d.v.s dvs ca m.a.o pga p.g.a f.d fd s.k sk e.kr f.kr ev inkl exkl max min jfr jmf resp tel kl
    obs fr.o.m t.o.m vs i.e`,
  general: "ab inc jr red övers",
  closing: "osv o.s.v m.m mm m.fl mfl etc o.d",
  unit: "kr milj mdr tkr km kg cm mm m min sek tim",
  starters: `
    han hon den det de vi ni jag du man detta denna dessa en ett men och eller så om när då eftersom medan efter
    före sedan i på till från med utan för under över vid vad vem var hur varför vilken ja nej tack här nu också
    alla många några två tre`,
  joiners: "och i på till från med om för av att en ett den det de är var har som inte mycket under över vid",
  hints: `
    och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när hon
    hade nu också eller vid efter skulle`
}

const norwegian: Source = {
  title: "hr fr frk dr prof st kapt gen",
  numbered: "jan feb mar apr jun jul aug sep sept okt nov des nr s kap art fig bd pkt",
  connector: `
    f.eks feks bl.a dvs d.v.s ca pga p.g.a mht evt inkl ekskl maks min jf jfr tlf kl f.kr e.kr vs ift iht ang pr`,
  general: "a/s inc jr red",
  closing: "osv o.s.v m.m mm m.fl mfl etc o.l",
  unit: "kr mill mrd km kg cm mm m min sek",
  starters: `
    han hun den det de vi jeg du man dette denne disse en et men og eller så hvis når da fordi mens etter før siden
    i på til fra med uten om for under over ved hva hvem hvor hvordan hvorfor hvilken ja nei takk her nå også alle
    mange noen to tre`,
  joiners: "og i på til fra med om for av at en et den det de er var har som ikke veldig under over ved",
  hints: `
    og i det at en den til er som på de med han av for ikke der var seg et har om vi jeg hadde men hun fra ble kan
    være ved etter også når hva noen eller`,
  ordinals: true
}

const finnish: Source = {
  title: "hra rva nti tri prof dos pastori ins",
  numbered: "nro s ks luku kpl art",
  connector: "esim ts ns nk vrt vs ent tri klo eaa jaa e.kr j.kr mt em ao po huom",
  general: "oy oyj ky ay inc jr",
  closing: "jne yms ym mm etc",
  unit: "milj mrd km kg cm mm m min sek snt eur",
  starters: `
    hän he se ne minä sinä me te tämä nämä tuo mutta ja tai niin jos kun koska vaikka sitten mikä kuka missä miten
    miksi kyllä ei nyt täällä siellä myös kaikki monet kaksi kolme`,
  joiners: "ja tai on oli että kun jos kuin joka mutta",
  hints: "ja on ei että se oli hän mutta joka ovat kun niin myös sen tai olla hänen kuin mitä jos ole sitä minä",
  ordinals: true
}

const czech: Source = {
  title: "p pí pan sl mgr ing bc dr mudr judr phdr rndr doc prof sv gen plk mjr kpt por csc ul nám tř",
  numbered: "č čís s str kap odst písm obr tab roč sv čl",
  connector: `
    např tj tzv tzn cca popř resp mj kupř př.n.l n.l n.m př vč min max tel srov viz zejm event angl něm lat franc`,
  general: "a.s s.r.o spol o.p.s v.o.s jr st ml inc",
  closing: "atd apod etc aj ad",
  unit: "tis mil mld kč km kg cm mm m min sek hod r",
  starters: `
    on ona ono oni to ten ta ty já my vy je byl byla bylo jsou v ve na do z ze od po pod nad před při o u pro za bez
    mezi ale a i však když protože pokud jestli potom pak dnes včera zítra zde tady tam teď co kdo jak kde proč
    který která ne ano také už ještě všichni každý mnoho několik dva tři podle`,
  joiners: "v ve na do z ze od po pod nad před při o u pro za bez a i nebo že je jsou byl se velmi",
  hints: `
    a se v na je že to s z do i o jako ale by jsem za si byl po k od který která jsou bylo jeho tak pro jsme když
    také`,
  ordinals: true
}

const slovak: Source = {
  ...czech,
  title: "p pán sl mgr ing bc dr mudr judr phdr rndr doc prof sv gen plk mjr kpt por csc ul nám",
  connector: "napr tj t.j tzv t.z tzn cca príp resp pr.n.l n.l vrát min max tel porov viď najmä angl nem lat",
  closing: "atď apod a.i etc pod",
  starters: `
    on ona ono oni to ten tá tie ja my vy je bol bola bolo sú v vo na do z zo od po pod nad pred pri o u pre za bez
    medzi ale a i však keď pretože ak potom dnes včera zajtra tu tam teraz čo kto ako kde prečo ktorý ktorá nie áno
    tiež už ešte všetci každý mnoho niekoľko dva tri podľa`,
  joiners: "v vo na do z zo od po pod nad pred pri o u pre za bez a i alebo že je sú bol sa veľmi",
  hints: `
    a sa v na je že to s z do aj o ako ale by som za si bol po k od ktorý ktorá sú bolo jeho tak pre sme keď tiež čo`
}

const turkish: Source = {
  title: "dr prof doç yrd av uzm öğr gör sn bay bayan alb gen org",
  numbered: "no s sf md böl cilt şek",
  connector: "örn bkz yy haz çev ed ör krş yak tel m.ö m.s mö ms mah cad sok apt blv",
  general: "a.ş ltd şti t.c inc jr",
  closing: "vb vs vd vesaire",
  unit: "km kg cm mm m dk sn sa tl",
  starters: `
    bu şu o biz siz ben sen onlar bir ama ve fakat ancak çünkü eğer sonra önce bugün dün yarın burada orada şimdi ne
    kim nasıl nerede neden hangi evet hayır her bütün`,
  joiners: "ve ile bir bu için gibi kadar olan çok",
  hints: "ve bir bu da de için ile çok ne gibi daha olarak var kadar ama sonra olan o en değil ben mi mı",
  ordinals: true
}

const hungarian: Source = {
  title: "dr prof ifj id özv st szt",
  numbered: "sz o old fej ábra",
  connector: "pl ill kb ún vö ti tel i.sz kr krt",
  general: "kft bt zrt nyrt rt inc jr",
  closing: "stb sztb",
  unit: "m km kg cm mm ft perc",
  starters: `
    a az ő ők én te mi ti ez ezek azok de és vagy ha mert hogy aztán ma tegnap holnap itt ott most ki hogyan hol
    miért melyik igen nem minden sok`,
  joiners: "a az és vagy hogy egy is nem",
  hints: "a az és hogy nem is egy ez de volt meg csak már még mint ki van vagy ha azt lehet",
  ordinals: true
}

const romanian: Source = {
  title: "dl d-l dna d-na dra dr prof ing av sf gen col",
  numbered: "nr pag p vol cap art fig",
  connector: "ex p.ex de.ex aprox cca cf vs tel î.hr d.hr î.e.n e.n str bd jud loc",
  general: "s.a s.r.l inc jr",
  closing: "etc ș.a ş.a ș.a.m.d",
  unit: "km kg cm mm m mil mld min sec",
  starters: `
    el ea ei ele eu tu noi voi acest această acesta aceasta un o dar și sau dacă când pentru după înainte în la din
    de cu fără pe azi ieri mâine aici acolo acum ce cine cum unde nu da toți fiecare`,
  joiners: "și de la în cu pe un o din pentru că este sunt nu",
  hints: "și de la în cu pe un o din pentru că este sunt nu mai care a fost se sau dar prin"
}

const russian: Source = {
  title: `
    г гор гр им ул пр просп пл пер наб бул ш проф акад доц тов г-н г-жа д-р др инж о св ген адм мин зам зав пос дер
    с дир д корп кв обл р р-н оз`,
  numbered: "№ с стр гл рис табл п пп ч ст т тт кн илл прим абз разд вып",
  connector: `
    т.е т.к т.н т.о т.ч см ср напр ок прибл и.о в.о соч сост ред перев обр в т.ж т.п.н что.ли букв досл лат англ нем
    фр франц греч тел эл янв фев февр мар апр июн июл авг сен сент окт ноя нояб дек пн вт чт пт сб вс`,
  general: "о-ва о-во ин-т ун-т ф-т р-на обл а.к.ш о.к",
  closing: "до.н.э т.д т.п др пр н.э д п",
  unit: "руб коп тыс млн млрд трлн кг км см мм м г гг л мин сек час ч шт экз чел кв куб га в вв м.куб долл р н.э",
  starters: `
    он она оно они я мы вы ты это этот эта эти тот та те в во на с со из от до по под над при о об у для за без
    между но а и или однако если когда потому так как хотя после затем потом сегодня вчера завтра здесь там тогда
    теперь сейчас что кто где почему зачем какой который не нет да уже ещё еще также тоже все всё каждый много его
    её их мой наш свой был была было были есть здравствуйте спасибо пожалуйста два три согласно`,
  joiners: "в во на с со из от до по под над при о об у для за без и или но а что как не очень к ко"
}

const ukrainian: Source = {
  title: "м гор ім вул просп пл пров бул проф акад доц тов п св о ген полк кап інж д-р зав обл",
  numbered: "№ с стор гл рис табл п пп ч ст т кн розд",
  connector: `
    т.з т.зв напр див пор бл прибл в.о ред англ нім лат фр тел тобто до.н.е січ лют бер квіт трав черв лип серп вер
    жовт лист груд`,
  general: "о.к ін-т",
  closing: "т.д т.п т.ін ін та.ін н.е д п",
  unit: "грн коп тис млн млрд кг км см мм м хв сек год шт чол р рр ст га",
  starters: `
    він вона воно вони я ми ви ти це цей ця ці той та ті в у на з із від до по під над при про для за без між але а
    і й або однак якщо коли тому так як хоча після потім сьогодні вчора завтра тут там тоді тепер зараз що хто де
    чому який не ні вже ще також усі все кожен багато його її їх`,
  joiners: "в у на з із від до по під над при про для за без і й та або але а що як не дуже"
}

const bulgarian: Source = {
  title: "г-н г-жа г-ца д-р проф акад доц инж арх ген полк кап майор св ул бул гр пл кв им о с отец",
  numbered: "№ с стр гл фиг табл т чл ал бр кн разд",
  connector: `
    напр вж срв т.е т.нар прибл ок пр.н.е пр.хр сл.хр лат англ нем фр рус тел янр февр мар апр юни юли авг септ окт
    ноем дек`,
  general: "оод еоод ад",
  closing: "т.н и.др др пр н.е т.н.т",
  unit: "лв ст хил млн млрд кг км см мм м мин сек ч бр кв куб г гг в вв",
  starters: `
    той тя то те аз ние вие ти това този тази тези в във на с със от до по под над при за без между но а и или обаче
    ако когато защото после след днес вчера утре тук там сега какво кой къде защо който не да вече още също всички
    всеки много`,
  joiners: "в във на с със от до по под над при за без и или но а че как не много"
}

const kazakh: Source = {
  title: "проф акад г ғ мырза обл қ",
  numbered: "№ б бет т сур",
  connector: "мыс яғни қар шам т.с",
  closing: "т.б т.с.с ж жж",
  unit: "млн млрд мың кг км см м теңге тг ж жж",
  starters: `
    ол олар мен біз сіз сен бұл осы сол бірақ және немесе егер содан бүгін кеше ертең қазір не кім қайда неге қандай
    иә жоқ барлық`
}

const greek: Source = {
  title: "κ κα κκ κος δρ δις καθ αγ στρ λοχ πρ οδ λεωφ πλ",
  numbered: "αρ αριθ σ σελ τ τομ κεφ αρθ εικ παρ",
  connector: "π.χ πχ δηλ βλ πρβλ τηλ περ μ.χ μτφρ εκδ λ.χ ιαν φεβ μαρ απρ ιουν ιουλ αυγ σεπ οκτ νοε δεκ",
  general: "α.ε εε επε ο.η.ε η.π.α",
  closing: "κ.λπ κλπ κ.ά κ.α κ.τ.λ κτλ κ.ο.κ μ.μ π.μ",
  unit: "χλμ εκ χιλ εκατ δισ μ κιλ",
  starters: `
    ο η το οι τα τον την του της των ένας μια ένα αυτός αυτή αυτό αυτοί εγώ εμείς εσείς εσύ αλλά και ή όμως αν όταν
    επειδή γιατί μετά πριν σήμερα χθες αύριο εδώ εκεί τώρα τι ποιος πού πώς δεν όχι ναι επίσης όλοι κάθε πολλοί σε
    στο στη στην από με για`
}

const armenian: Source = {
  title: "պրոֆ պրն տկն դոկտ ակադ ս",
  numbered: "հ էջ գլ նկ",
  connector: "օր տ.ե այսինքն ս.թ մ.թ մ.թ.ա հմմտ տես",
  closing: "և.այլն այլն թ դ",
  unit: "կմ կգ սմ մլն մլրդ թ դ դր"
}

const hindi: Source = {
  title: "डॉ डा श्री श्रीमती सुश्री कु प्रो पं स्व मो सं मि श्रीमान इंजी एड ले कर्नल",
  numbered: "नं क्र पृ सं भाग रु रू अनु",
  connector: "उदा ई.पू ई अर्थात् जैसे",
  closing: "आदि इत्यादि",
  unit: "किमी किग्रा मी ग्रा रु कि.मी कि.ग्रा सेमी मिमी मिनट"
}

const marathi: Source = {
  title: "डॉ श्री सौ श्रीमती कु प्रा प्रो पं स्व मा अॅड इ",
  numbered: "क्र पृ नं रु",
  connector: "उदा इ.स उ",
  closing: "इ इत्यादी",
  unit: "किमी किग्रा मी रु कि.मी"
}

const arabic: Source = {
  title: "د أ م ا.د أ.د السيد ش ج",
  numbered: "ص ج ط ع رقم",
  connector: "مثلا ص.ب ت م.ب هـ ق.م ب.م ج.ب تقر",
  closing: "الخ إلخ",
  unit: "كم كغ كج سم م مم هـ كلغ"
}

const persian: Source = {
  title: "د م دکتر مهندس",
  numbered: "ص ج ش",
  connector: "ه.ش ه.ق ق.م م ق",
  unit: "کم کیلومتر م"
}

const urdu: Source = {
  title: "ڈاکٹر ڈا پروفیسر مسٹر",
  numbered: "ص ج نمبر",
  connector: "ق.م ء"
}

const korean: Source = { numbered: "제", title: "씨" }

const sources: Readonly<Record<string, Source>> = {
  en: english,
  de: german,
  fr: french,
  es: spanish,
  it: italian,
  pt: portuguese,
  nl: dutch,
  pl: polish,
  da: danish,
  sv: swedish,
  no: norwegian,
  nb: norwegian,
  nn: norwegian,
  fi: finnish,
  cs: czech,
  sk: slovak,
  tr: turkish,
  hu: hungarian,
  ro: romanian,
  ru: russian,
  uk: ukrainian,
  bg: bulgarian,
  kk: kazakh,
  el: greek,
  hy: armenian,
  hi: hindi,
  mr: marathi,
  ar: arabic,
  fa: persian,
  ur: urdu,
  ko: korean
}

/** Languages written in Latin script whose frequent words are distinguished. */
const guessable = ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "da", "sv", "no", "fi", "cs", "sk", "tr", "hu", "ro"]

// Other scripts have no case or share their abbreviations, so one table for each script does.
const scripts: ReadonlyArray<readonly [RegExp, string, ReadonlyArray<string>]> = [
  [/\p{Script=Cyrillic}/u, "Cyrl", ["ru", "uk", "bg", "kk"]],
  [/\p{Script=Greek}/u, "Grek", ["el"]],
  [/\p{Script=Armenian}/u, "Armn", ["hy"]],
  [/\p{Script=Devanagari}/u, "Deva", ["hi", "mr"]],
  [/\p{Script=Arabic}/u, "Arab", ["ar", "fa", "ur"]],
  [/\p{Script=Hangul}/u, "Kore", ["ko"]]
]

const kinds: ReadonlyArray<readonly [keyof Source, number]> = [
  ["title", Title],
  ["numbered", Numbered],
  ["connector", Connector],
  ["general", General],
  ["closing", Closing],
  ["unit", Unit],
  ["time", Time],
  ["proper", General | Proper]
]

const compile = (list: ReadonlyArray<Source>): Language => {
  const abbreviations = new Map<string, number>()
  const beginnings = new Set<string>()
  const starters = new Set<string>()
  const joiners = new Set<string>()
  for (const source of list) {
    for (const [key, kind] of kinds) {
      const text = source[key]
      for (const word of words(typeof text === "string" ? text : undefined)) {
        // A language's own meaning of a word comes first; the later ones of a list only add words.
        const known = abbreviations.get(word)
        abbreviations.set(word, known === undefined ? kind : known | kind)
        for (let dot = word.indexOf("."); dot >= 0; dot = word.indexOf(".", dot + 1)) {
          beginnings.add(word.slice(0, dot))
        }
      }
    }
    words(source.starters).forEach((word) => starters.add(word))
    words(source.joiners).forEach((word) => joiners.add(word))
  }
  return { abbreviations, beginnings, starters, joiners, ordinals: list.some((source) => source.ordinals === true) }
}

const lazily = <A>(make: () => A): () => A => {
  let value: { readonly of: A } | undefined
  return () => (value ??= { of: make() }).of
}

const memo = (make: (key: string) => Language | undefined): (key: string) => Language | undefined => {
  const known = new Map<string, Language | undefined>()
  return (key) => {
    if (!known.has(key)) {
      known.set(key, make(key))
    }
    return known.get(key)
  }
}

/**
 * The language of a primary subtag, if it has rules of its own.
 *
 * @internal
 */
export const language: (subtag: string) => Language | undefined = memo((subtag) => {
  const source = Object.hasOwn(sources, subtag) ? sources[subtag] : undefined
  return source === undefined ? undefined : compile([source])
})

const scriptLanguage = memo((name) => {
  const found = scripts.find(([, script]) => script === name)
  return found === undefined
    ? undefined
    : compile(found[2].flatMap((subtag) => sources[subtag] ?? []))
})

/**
 * The language to use for a word of another script than Latin, whatever the text around it is.
 *
 * @internal
 */
export const languageOfScript = (word: string): Language | undefined => {
  for (const [pattern, name] of scripts) {
    if (pattern.test(word)) {
      return scriptLanguage(name)
    }
  }
  return undefined
}

/** @internal */
export const fallback: () => Language = lazily(() => compile([english]))

/** @internal */
export const everywhere: () => Language = lazily(() => compile([international]))

/**
 * Every abbreviation of every language in Latin script: what may be one, when only a lower-case word follows.
 *
 * @internal
 */
export const anyLatin: () => Language = lazily(() => compile(guessable.flatMap((subtag) => sources[subtag] ?? [])))

const hints: () => ReadonlyMap<string, ReadonlyArray<string>> = lazily(() => {
  const found = new Map<string, Array<string>>()
  for (const subtag of guessable) {
    const { hints, joiners, starters } = sources[subtag] ?? {}
    for (const word of new Set([...words(hints), ...words(joiners), ...words(starters)])) {
      found.set(word, [...(found.get(word) ?? []), subtag])
    }
  }
  return found
})

const abbreviationsOf: () => ReadonlyMap<string, ReadonlyArray<string>> = lazily(() => {
  const found = new Map<string, Array<string>>()
  for (const subtag of guessable) {
    for (const word of language(subtag)?.abbreviations.keys() ?? []) {
      found.set(word, [...(found.get(word) ?? []), subtag])
    }
  }
  return found
})

/** The languages that know an abbreviation, unless it is a word in English. */
const languagesOfAbbreviation = (abbreviation: string): ReadonlyArray<string> | undefined =>
  shortEnders.has(abbreviation) || ordinary.has(abbreviation) ? undefined : abbreviationsOf().get(abbreviation)

/**
 * How much more must speak for another language than for the one before: two shared words, or one and a half of its
 * own.
 */
const evidence = 0.45

/**
 * Guesses the language of text in Latin script from its frequent words and from the languages that know
 * `abbreviation`; `previous` wins ties and where nothing is known.
 *
 * @internal
 */
export const guess = (text: string, abbreviation: string, previous: string): string => {
  const scores = new Map<string, number>()
  // What few languages know says more than what many do.
  const count = (found: ReadonlyArray<string> | undefined): void => {
    for (const subtag of found ?? []) {
      scores.set(subtag, (scores.get(subtag) ?? 0) + 1 / (found?.length ?? 1))
    }
  }
  const seen = new Set(text.toLowerCase().split(/[^\p{L}\p{M}'.-]+/u))
  seen.forEach((word) => {
    const bare = word.endsWith(".") ? word.slice(0, -1) : word
    count(hints().get(bare) ?? (bare === word ? undefined : languagesOfAbbreviation(bare)))
  })
  count(languagesOfAbbreviation(abbreviation))
  let best = previous
  let most = (scores.get(previous) ?? 0) + evidence
  for (const [subtag, score] of scores) {
    if (score > most) {
      best = subtag
      most = score
    }
  }
  return best
}

// =====================================================================================================================
// Words of every language
// =====================================================================================================================

/** Names of months: "3." before one of them is a day. @internal */
export const months: ReadonlySet<string> = new Set(words(`
  january february march april may june july august september october november december januar jänner februar feber
  märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre
  décembre enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre
  gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre janeiro fevereiro março maio junho julho
  setembro outubro dezembro januari februari maart mei augustus stycznia lutego marca kwietnia maja czerwca lipca
  sierpnia września października listopada grudnia marts desember maj augusti tammikuuta helmikuuta maaliskuuta
  huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta ledna února března
  dubna května června července srpna září října listopadu prosince januára februára apríla mája júna júla augusta
  septembra októbra novembra decembra ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık`))

/** What follows a time of day without ending the sentence. @internal */
export const afterTime: ReadonlySet<string> = new Set(words(`
  est edt cst cdt mst mdt pst pdt et ct mt pt gmt utc bst cet cest ist jst aest aedt eastern central mountain
  pacific greenwich monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat
  sun january february march april june july august september october november december jan feb mar apr jun jul aug
  sep sept oct nov dec`))

/** A time after one of these words is not a sentence yet: "At 5 a.m. Mr. Smith left." @internal */
export const timePrepositions: ReadonlySet<string> = new Set(
  words(`
  at on by from since until till around about before after between in`)
)

/** Words whose single letter is a label, not an initial: "Vitamin C. Taken daily." @internal */
export const labels: ReadonlySet<string> = new Set(words(`
  vitamin plan section grade type group hepatitis option appendix part figure exhibit phase class line team size
  point schedule answer level question chapter table item page room gate block building zone row wing platform model
  series generation programme program note step unit letter letters formula case variant version side column
  terminal track hall lot`))

/** Starters that are also family names: after an initial they say nothing. @internal */
export const nameLike: ReadonlySet<string> = new Set(words(`
  will an so do may no my best many long see even well hi ho go first day young little such take make come look like
  still`))

/** Names that end in an exclamation mark. @internal */
export const exclaimed: ReadonlySet<string> = new Set(words("yahoo jeopardy joomla"))

/** English words and names that are abbreviations in other languages. @internal */
export const ordinary: ReadonlySet<string> = new Set(words(`
  set out ago sex mag par tab lit tit old bill ref page cap art sec mi do so co to man mar son sol on all es di ma jul
  liv bed sat sun ten rat phil jur med arch rag card eng gent don pan bay doc comm pe org os im id dom tri dos por tab
  fin int sh pb red burg bc ba ds hab pl al egr bi as at is us up ss ins prez pastor sf dl sel ud`))

/** Interjections without vowels: they look like abbreviations and are not. @internal */
export const interjection: RegExp =
  /^(h+m+|mm+|sh+|ps+t|t?sk|gr+|br+|pf+t?|zz+|nth|tv|pc|cd|dvd|dj|mph|rpm|kph|pst|sms|mp3)$/

/** Latin letters by their names in Hindi and Urdu, as in the initials of "ए. पी. जे. अब्दुल कलाम". @internal */
export const letterNames: ReadonlySet<string> = new Set(words(`
  ए बी सी डी ई एफ जी एच आई जे के एल एम एन ओ पी क्यू आर एस टी यू वी डब्ल्यू डब्लू एक्स वाई जेड ज़ेड اے بی سی ڈی ای
  ایف جی ایچ آئی جے کے ایل ایم این او پی کیو آر ایس ٹی یو وی ڈبلیو ایکس وائی زیڈ`))

/** Words that a sentence may end in although they are short: chat in lower case is cut after them. @internal */
export const shortEnders: ReadonlySet<string> = new Set(words(`
  it me you him her us them is was are do did go so too now then yes yep no nope ok okay sure hi hey thx lol up out
  in on off here home work well good bad fun day time way man one two ten try see say know like want need that this
  what all done gone can`))

/** Japanese quotative particles: what stands before them in brackets is part of the sentence. @internal */
export const quotative: RegExp = /^(と|って|という|との|なんて|など|の|は|が|を|に|で|も|へ|や|か|だ|です|的|之|等)/u

/** Who speaks, after a Chinese quotation. @internal */
export const chineseSpeaker: RegExp = /^[\p{Script=Han}]{0,3}(说|說|道|问|問|喊|叫|答|想|笑|写|寫|表示|认为|認為)/u

/** Japanese particles that cannot end a line of a finished sentence. @internal */
export const japaneseParticle: RegExp = /[のはがをにでとへも]$/u
