//! Devices: their type, maker and model.

use super::{agents, chromium};

/// Comment, what follows the engine, type, maker, model.
const DEVICES: &[(&str, &str, &str, &str, &str)] = &[
    ("Windows NT 10.0; Win64; x64", CHROME, "desktop", "", ""),
    ("compatible; MSIE 10.0; Windows NT 6.1; WOW64; Trident/6.0; Tablet PC 2.0", "", "desktop", "", ""),
    ("Macintosh; Intel Mac OS X 10_15_7", CHROME, "desktop", "Apple", "Mac"),
    ("X11; CrOS x86_64 14541.0.0", CHROME, "desktop", "", ""),
    ("iPhone; CPU iPhone OS 17_5 like Mac OS X", MOBILE, "mobile", "Apple", "iPhone"),
    ("iPod touch; CPU iPhone OS 12_5 like Mac OS X", MOBILE, "mobile", "Apple", "iPod"),
    ("iPad; CPU OS 17_4 like Mac OS X", MOBILE, "tablet", "Apple", "iPad"),
    ("Linux; Android 10; K", MOBILE, "mobile", "", ""),
    ("Linux; Android 10; K", CHROME, "tablet", "", ""),
    ("Android 14; Tablet; rv:133.0", "", "tablet", "", ""),
    ("Android 14; Mobile; rv:133.0", "", "mobile", "", ""),
    ("Linux; Android 7.0; BAH-L09", CHROME, "tablet", "", "BAH-L09"),
    ("Linux; U; Android 9; en-us; SM-T510 Build/PPR1.180610.011", CHROME, "tablet", "Samsung", "SM-T510"),
    ("Linux; Android 9; SM-T510", MOBILE, "tablet", "Samsung", "SM-T510"),
    (
        "Linux; Android 13; Xiaomi Pad 5 Pro Build/RKQ1.200826.002",
        MOBILE,
        "tablet",
        "Xiaomi",
        "Xiaomi Pad 5 Pro",
    ),
    (
        "Linux; arm_64; Android 14; Spectrum TA2D0P02",
        "Chrome/130.0 YaSearchBrowser/24.120/apad SA/3 Mobile Safari/537.36",
        "tablet",
        "",
        "Spectrum TA2D0P02",
    ),
    ("Linux; Android 11; HiPad Pro", CHROME, "tablet", "", "HiPad Pro"),
    ("Linux; Android 4.4.2; MY MOBILE 708", CHROME, "tablet", "", "MY MOBILE 708"),
    ("Linux; Android 7.0; myA9 DTV", MOBILE, "mobile", "", "myA9 DTV"),
    ("Linux; Android 9; BeyondTV2", MOBILE, "desktop", "", "BeyondTV2"),
    (
        "Linux; arm; Android 9; HTV-55U11B-VS Build/PPR2.180905.006.A1; wv",
        MOBILE,
        "desktop",
        "",
        "HTV-55U11B-VS",
    ),
    ("Linux; Android 9; 55U730GR Build/PTT1.190222.001; wv", CHROME, "desktop", "", "55U730GR"),
    ("Linux; Android 14; SAMSUNG SM-S921W", MOBILE, "mobile", "Samsung", "SM-S921W"),
    ("Linux; Android 13; SM-S901B Build/TP1A", MOBILE, "mobile", "Samsung", "SM-S901B"),
    ("Linux; Android 12; moto g power (2022)", MOBILE, "mobile", "Motorola", "moto g power (2022)"),
    ("Linux; Android 10; moto e(XT2052DL)", MOBILE, "mobile", "Motorola", "moto e(XT2052DL)"),
    ("Linux; Android 10; HarmonyOS; TAS-AL00; HMSCore 6.0.1.306", MOBILE, "mobile", "", "TAS-AL00"),
    ("Linux; Android 7.0; 2PS64 Build/NRD90M", MOBILE, "mobile", "", "2PS64"),
    ("Linux; Android 12; 2201117TG", MOBILE, "mobile", "Xiaomi", "2201117TG"),
    ("Linux; arm; Android 10; M2006C3MNG", MOBILE, "mobile", "Xiaomi", "M2006C3MNG"),
    (
        "Linux; U; Android 4.2.2; zh-hans-cn; Lenovo A889 Build/JDQ39",
        MOBILE,
        "mobile",
        "Lenovo",
        "Lenovo A889",
    ),
    ("Linux; Android 7.1.2; Redmi 4X", MOBILE, "mobile", "Xiaomi", "Redmi 4X"),
    ("Linux; Android 9; CPH1901; wv", MOBILE, "mobile", "OPPO", "CPH1901"),
    (
        "Linux; Android 9; KFMAWI",
        "Silk/108.4.1 like Chrome/108.0.5359.160 Safari/537.36",
        "tablet",
        "Amazon",
        "KFMAWI",
    ),
    (
        "Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950",
        "Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063",
        "mobile",
        "Microsoft",
        "Lumia 950",
    ),
    (
        "compatible; MSIE 10.0; Windows Phone 8.0; Trident/6.0; IEMobile/10.0; ARM; Touch; NOKIA; Lumia 920",
        "",
        "mobile",
        "Nokia",
        "Lumia 920",
    ),
    ("Phone; OpenHarmony 5.0", "Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile", "mobile", "", ""),
    ("Tablet; OpenHarmony 5.0", "Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1", "tablet", "", ""),
    ("PC; OpenHarmony 5.0", "Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1", "desktop", "", ""),
    (
        "Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5 (",
        "",
        "mobile",
        "Nokia",
        "Nokia_8110_4G",
    ),
    (
        "Linux; Android 5.1.1; AFTT",
        "Silk/86.3.20 like Chrome/86.0.4240.198 Safari/537.36",
        "desktop",
        "Amazon",
        "AFTT",
    ),
    ("Linux; Android 9; BRAVIA 4K UR2 Build/PTT1.190515.001.S52", CHROME, "desktop", "Sony", "BRAVIA 4K UR2"),
    (
        "Linux; Android 12.0; Build/STTL.240206.002",
        "Chrome/120.0.0.0 Safari/537.36 CrKey/1.56.500000 DeviceType/AndroidTV",
        "desktop",
        "",
        "",
    ),
    (
        "Linux; Android 9; H39F8000Q Build/PPR1.180610.011; wv",
        "Chrome/83.0.4103.120 YaBrowser/22.8.0.9 (lite) TV Safari/537.36",
        "desktop",
        "",
        "H39F8000Q",
    ),
    ("Web0S; Linux/SmartTV", CHROME, "desktop", "", ""),
    ("PlayStation; PlayStation 5/2.26", "Version/13.0 Safari/605.1.15", "desktop", "Sony", "PlayStation 5"),
    ("Windows NT 10.0; Win64; x64; Xbox; Xbox Series X", CHROME, "desktop", "Microsoft", "Xbox Series X"),
];

const CHROME: &str = "Chrome/120.0.0.0 Safari/537.36";
const MOBILE: &str = "Chrome/120.0.0.0 Mobile Safari/537.36";

#[test]
fn a_device_is_known_by_type_maker_and_model() {
    let agents = agents();
    for &(comment, rest, device, brand, model) in DEVICES {
        let agent = agents.look_up(&chromium(comment, rest));
        let found = (agent.device_type.name(), agent.device_brand.as_str(), agent.device_model.as_str());
        assert_eq!(found, (device, brand, model), "{comment}: {rest}");
    }
}
