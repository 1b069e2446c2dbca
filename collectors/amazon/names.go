package amazon

import (
	"encoding/json"
	"strings"
	"unicode"

	"hueair2mqtt/collectors"
)

// rangeNames are the names of other makers' ranges, in the languages of the
// marketplaces: English, German, French, Italian, Spanish, Portuguese, Dutch,
// Swedish, Polish, Turkish, Japanese, Hindi and Arabic, and by the ids of Alexa's
// catalogue of assets. A bare "air quality" is not among them: it may be an index
// where higher is worse.
var rangeNames = map[collectors.Measurement][]string{
	collectors.Temperature: {
		"temperature", "indoor temperature", "room temperature", "ambient temperature",
		"Temperatur", "Innentemperatur", "Raumtemperatur",
		"température", "température intérieure", "température ambiante",
		"temperatura", "temperatura interna", "temperatura ambiente", "temperatura interior", "temperatura del aire",
		"temperatuur", "binnentemperatuur", "kamertemperatuur",
		"inomhustemperatur", "rumstemperatur",
		"temperatura wewnętrzna", "temperatura w pomieszczeniu", "temperatura otoczenia",
		"sıcaklık", "iç mekan sıcaklığı", "oda sıcaklığı",
		"温度", "室温", "室内温度", "室内の温度",
		"तापमान", "कमरे का तापमान", "درجة الحرارة", "درجة حرارة الغرفة",
	},
	collectors.Humidity: {
		"humidity", "indoor humidity", "relative humidity", "air humidity", "room humidity", "Alexa.AirQuality.Humidity",
		"Luftfeuchtigkeit", "Luftfeuchte", "Feuchtigkeit", "relative Luftfeuchtigkeit", "relative Luftfeuchte", "Raumluftfeuchtigkeit",
		"Raumluftfeuchte", "Luftfeuchtigkeit in Innenräumen", "Luftfeuchtigkeit im Innenraum", "Innenraumluftfeuchtigkeit", "Innenluftfeuchtigkeit",
		"humidité", "humidité intérieure", "humidité relative", "humidité de l'air", "taux d'humidité", "taux d'humidité intérieur", "taux d'humidité intérieure",
		"umidità", "umidità interna", "umidità relativa", "umidità dell'aria", "umidità indoor", "umidità ambiente",
		"humedad", "humedad interior", "humedad relativa", "humedad del aire", "humedad en interiores", "humedad ambiente",
		"umidade", "umidade interna", "umidade relativa", "umidade do ar", "umidade interior", "humidade", "humidade relativa", "humidade interior",
		"luchtvochtigheid", "vochtigheid", "relatieve luchtvochtigheid", "luchtvochtigheid binnen", "binnenluchtvochtigheid", "luchtvochtigheid binnenshuis",
		"luftfuktighet", "relativ luftfuktighet", "fuktighet", "luftfuktighet inomhus", "inomhusfuktighet",
		"wilgotność", "wilgotność powietrza", "wilgotność względna", "wilgotność wewnętrzna", "wilgotność w pomieszczeniu", "wilgotność w pomieszczeniach",
		"nem", "bağıl nem", "nem oranı", "iç mekan nemi", "iç mekan nem oranı", "iç ortam nemi",
		"湿度", "室内湿度", "室内の湿度", "屋内の湿度", "相対湿度",
		"आर्द्रता", "नमी", "इनडोर आर्द्रता", "इनडोर नमी", "सापेक्ष आर्द्रता",
		"الرطوبة", "رطوبة", "الرطوبة الداخلية", "الرطوبة النسبية", "رطوبة الهواء",
	},
	collectors.VOCIndex: {
		"volatile organic compounds", "volatile organic compound", "total volatile organic compounds", "VOC", "VOCs", "TVOC", "VOC index",
		"Alexa.AirQuality.VolatileOrganicCompounds",
		"flüchtige organische Verbindungen", "composés organiques volatils", "COV", "COVT", "composti organici volatili",
		"compuestos orgánicos volátiles", "compostos orgânicos voláteis",
		"vluchtige organische stoffen", "vluchtige organische verbindingen", "VOS", "flyktiga organiska föreningar", "flyktiga organiska ämnen",
		"lotne związki organiczne", "LZO", "uçucu organik bileşikler", "UOB",
		"揮発性有機化合物", "総揮発性有機化合物", "वाष्पशील कार्बनिक यौगिक", "المركبات العضوية المتطايرة",
	},
	collectors.CarbonMonoxide: {
		"carbon monoxide", "CO", "carbon monoxide level", "Alexa.AirQuality.CarbonMonoxide",
		"Kohlenmonoxid", "Kohlenstoffmonoxid", "monoxyde de carbone", "monossido di carbonio", "monóxido de carbono",
		"koolmonoxide", "koolstofmonoxide", "kolmonoxid", "koloxid", "tlenek węgla", "czad", "karbonmonoksit", "karbon monoksit",
		"一酸化炭素", "कार्बन मोनोऑक्साइड", "أول أكسيد الكربون",
	},
	collectors.IndoorAirQuality: {
		"indoor air quality", "indoor air quality score", "Alexa.AirQuality.IndoorAirQuality",
		"Raumluftqualität", "Innenraumluftqualität", "Innenluftqualität", "Luftqualität in Innenräumen", "Luftqualität im Innenraum",
		"qualité de l'air intérieur", "qualité de l'air intérieure", "qualité de l'air à l'intérieur",
		"qualità dell'aria interna", "qualità dell'aria indoor", "qualità dell'aria negli ambienti interni",
		"calidad del aire interior", "calidad del aire en interiores", "calidad de aire interior",
		"qualidade do ar interno", "qualidade do ar interior", "qualidade do ar em ambientes internos", "qualidade do ar em ambientes fechados",
		"binnenluchtkwaliteit", "luchtkwaliteit binnen", "luchtkwaliteit binnenshuis", "luftkvalitet inomhus", "inomhusluftkvalitet",
		"jakość powietrza w pomieszczeniu", "jakość powietrza w pomieszczeniach", "jakość powietrza wewnątrz",
		"iç mekan hava kalitesi", "iç ortam hava kalitesi", "iç hava kalitesi",
		"室内空気質", "室内の空気質", "室内の空気の質", "屋内の空気質", "屋内の空気の質",
		"इनडोर वायु गुणवत्ता", "इनडोर एयर क्वालिटी", "घर के अंदर की वायु गुणवत्ता",
		"جودة الهواء الداخلي", "جودة الهواء الداخلية", "جودة الهواء في الأماكن المغلقة",
	},
	collectors.PM25: {"Alexa.AirQuality.ParticulateMatter", "PM2.5"},
	collectors.PM10: {"PM10"},
}

// particles are the names of particulate matter, to which PM2.5 or PM10 may be
// added. Without an addition Alexa's catalogue means PM2.5.
var particles = []string{
	"particulate matter", "fine particulate matter", "particulates", "particles", "Feinstaub", "Feinstaubpartikel", "Partikel", "particules", "particules fines",
	"matières particulaires", "particolato", "particolato fine", "polveri sottili", "partículas", "partículas finas", "material particulado",
	"partículas en suspensión", "materia particulada", "matéria particulada", "fijnstof", "fijn stof", "deeltjes", "partiklar", "fina partiklar", "luftburna partiklar",
	"pył zawieszony", "pyły zawieszone", "cząstki stałe", "partikül madde", "partiküler madde", "ince partiküller",
	"粒子状物質", "微小粒子状物質", "पार्टिकुलेट मैटर", "कणिका पदार्थ", "सूक्ष्म कण", "الجسيمات", "الجسيمات الدقيقة", "المواد الجسيمية",
}

// unitNames are the names of units. A range with another unit than its measurement has is
// something else. A range without a unit is taken to have the usual one, except for a
// temperature.
var unitNames = map[string][]string{
	percent: {
		"%", "percent", "percentage", "Alexa.Unit.Percent", "Prozent", "pour cent", "pourcentage", "pourcent", "per cento", "percento", "percentuale", "por ciento",
		"porcentaje", "por cento", "porcentagem", "procent", "yüzde", "パーセント", "प्रतिशत", "بالمائة", "في المائة", "نسبة مئوية",
	},
	partsPerMillion: {
		"ppm", "parts per million", "Alexa.Unit.PartsPerMillion", "Teile pro Million", "parties par million", "parti per milione", "partes por millón", "partes por milhão",
		"delen per miljoen", "miljondelar", "części na milion", "milyonda bir", "百万分の一", "100万分の1", "पार्ट्स प्रति मिलियन", "جزء في المليون",
	},
	micrograms: {
		"µg/m³", "µg/m3", "μg/m³", "μg/m3", "ug/m3", "micrograms per cubic meter", "micrograms per cubic metre", "Alexa.Unit.Density.MicroGramsPerCubicMeter",
		"Mikrogramm pro Kubikmeter", "microgrammes par mètre cube", "microgrammi per metro cubo", "microgramos por metro cúbico", "microgramas por metro cúbico",
		"microgram per kubieke meter", "mikrogram per kubikmeter", "mikrogramy na metr sześcienny", "mikrogramów na metr sześcienny", "metreküp başına mikrogram",
		"マイクログラム毎立方メートル", "立方メートルあたりマイクログラム", "माइक्रोग्राम प्रति घन मीटर", "ميكروغرام لكل متر مكعب",
	},
	celsiusScale: {
		"°C", "C", "celsius", "degrees celsius", "Alexa.Unit.Temperature.Celsius", "Grad Celsius", "degrés celsius", "gradi celsius", "grados celsius", "graus celsius",
		"graden celsius", "grader celsius", "stopnie celsjusza", "santigrat derece", "摂氏", "℃", "सेल्सियस", "डिग्री सेल्सियस", "درجة مئوية",
	},
	fahrenheitScale: {
		"°F", "F", "fahrenheit", "degrees fahrenheit", "Alexa.Unit.Temperature.Fahrenheit", "Grad Fahrenheit", "degrés fahrenheit", "gradi fahrenheit", "grados fahrenheit",
		"graus fahrenheit", "華氏", "℉", "फ़ारेनहाइट", "डिग्री फ़ारेनहाइट",
	},
}

const (
	percent         = "percent"
	partsPerMillion = "ppm"
	micrograms      = "µg/m³"
	celsiusScale    = "CELSIUS"
	fahrenheitScale = "FAHRENHEIT"
)

// unitOf are the units of the measurements; the others have none.
var unitOf = map[collectors.Measurement]string{
	collectors.Humidity:       percent,
	collectors.CarbonMonoxide: partsPerMillion,
	collectors.PM25:           micrograms,
	collectors.PM10:           micrograms,
}

// meaning is what a range measures.
type meaning struct {
	measurement collectors.Measurement
	scale       string // of a temperature: CELSIUS, FAHRENHEIT
}

// value decodes the value of a range into the unit of its measurement.
func (m meaning) value(raw json.RawMessage) (float64, error) {
	number, err := rangeValue(raw)
	if err != nil || m.scale == "" {
		return number, err
	}
	return inCelsius(number, m.scale)
}

// knownNames and knownUnits are rangeNames and unitNames by folded name.
var knownNames, knownUnits = byFoldedText()

func byFoldedText() (names map[string]collectors.Measurement, units map[string]string) {
	names, units = map[string]collectors.Measurement{}, map[string]string{}
	for measurement, all := range rangeNames {
		for _, name := range all {
			names[folded(name)] = measurement
		}
	}
	for _, particle := range particles {
		names[folded(particle)] = collectors.PM25
		for size, measurement := range map[string]collectors.Measurement{"PM2.5": collectors.PM25, "PM10": collectors.PM10} {
			names[folded(particle+" "+size)] = measurement
			names[folded(size+" "+particle)] = measurement
		}
	}
	for unit, all := range unitNames {
		for _, name := range all {
			units[folded(name)] = unit
		}
	}
	return names, units
}

// understand returns what a range with this name and unit measures.
func understand(name, unit string) (of meaning, ok bool) {
	measurement, ok := knownNames[folded(name)]
	if !ok {
		return meaning{}, false
	}
	known := ""
	if folded(unit) != "" {
		if known, ok = knownUnits[folded(unit)]; !ok {
			return meaning{}, false
		}
	}
	if measurement == collectors.Temperature {
		return meaning{measurement, known}, known == celsiusScale || known == fahrenheitScale
	}
	return meaning{measurement: measurement}, known == "" || known == unitOf[measurement]
}

// folded returns a name in a form to compare: lower case, one space between words, no
// punctuation but in numbers, "PM 2,5" as "pm2.5".
func folded(s string) string {
	runes := []rune(strings.ToLower(s))
	var b strings.Builder
	for i, r := range runes {
		switch {
		case r >= '₀' && r <= '₉':
			b.WriteRune('0' + r - '₀')
		case (r == '.' || r == ',') && i > 0 && i+1 < len(runes) && isDigit(runes[i-1]) && isDigit(runes[i+1]):
			b.WriteByte('.')
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsNumber(r), strings.ContainsRune("%°℃℉/", r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	s = strings.Join(strings.Fields(b.String()), " ")
	return strings.NewReplacer("pm 2.5", "pm2.5", "pm 10", "pm10", "pm2 5", "pm2.5").Replace(s)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' || r >= '₀' && r <= '₉' }
