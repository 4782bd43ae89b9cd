"""Writes products.tsv or brands.txt from the package ua-parser-builtins:

    python3 products.py path/to/ua_parser_builtins/matchers.py products > products.tsv
    python3 products.py path/to/ua_parser_builtins/matchers.py brands > brands.txt
"""
import ast
import re
import sys

path, wanted = sys.argv[1:]
rules = {"UserAgentMatcher": [], "DeviceMatcher": []}
for node in ast.walk(ast.parse(open(path, encoding="utf-8").read())):
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in rules:
        rules[node.func.id].append([ast.literal_eval(argument) for argument in node.args])

# "(Name)/(\d+)", "(Name|Other)[ /](\d+)": a product that its name and a version alone tell.
PRODUCT = re.compile(r"\^?(?:\\b| |\.\{0,200\}|Mozilla\.\{1,200\}(?:Mobile\.\{1,100\})?)?\(([^()]+)\)(?:\(\?:)?(?:\\?/|\[ \\?/\]|\[/\\s\]|\.)v?\(?\(?\\d")
NAME = re.compile(r"[A-Za-z0-9][\w.!+-]*$")
# Engines, systems, and words that everyone uses.
COMMON = set("chrome chromium safari firefox fennec version applewebkit gecko mobile opera msie trident edge windows android maemo java kindle "
             "links navigator radio nokia box oc cf pre hbbtv grab got".split())
# Words that are brands, but also begin the names of other makers' models.
WORDS = set("assistant bird cat cellular cube dex fly generic hero impression informer lemon match medias omega orion pearl spice spider terra versus".split())

if wanted == "products":
    found = {}
    for regex, *replacement in rules["UserAgentMatcher"]:
        match = PRODUCT.match(regex)
        if not match or (replacement and "$" in (replacement[0] or "")):
            continue
        for name in match[1].replace("\\.", ".").split("|"):
            if NAME.match(name) and name.lower() not in COMMON:
                found.setdefault(name, (replacement[0] if replacement else None) or name)
    # "(Name)": a browser that its name alone tells, without a version.
    for regex, *replacement in rules["UserAgentMatcher"]:
        match = re.fullmatch(r"\((\w{5,})\)", regex)
        if match and replacement and "Browser" in (replacement[0] or ""):
            found.setdefault(match[1], replacement[0])
    print("\n".join("\t".join(entry) for entry in sorted(found.items())))
else:
    brands = {rule[3] for rule in rules["DeviceMatcher"] if len(rule) > 3 and re.match(r"[A-Za-z][A-Za-z-]{2,}$", rule[3] or "")}
    print("\n".join(sorted(brand for brand in brands if brand.lower() not in WORDS)))
