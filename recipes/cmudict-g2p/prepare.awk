# cmudict.dict -> train.tsv, valid.tsv (word<TAB>phonemes, one pronunciation a line) and test.tsv (word and all its
# pronunciations, tabs between). A word goes to one part by its hash: 5 % test, 5 % valid, 90 % train.
# Run with LC_ALL=C and -v folder=FOLDER.
BEGIN {
  for (i = 1; i < 256; ++i) code[sprintf("%c", i)] = i
}

# Any awk computes this exactly: all numbers stay below 2^53.
function part(word,   h, i) {
  h = 7
  for (i = 1; i <= length(word); ++i) h = (h * 31 + code[substr(word, i, 1)]) % 1000000007
  h = (h * 48271) % 2147483647  # neighbouring words far apart
  h %= 100
  return h < 5 ? "test" : h < 10 ? "valid" : "train"
}

{
  sub(/ *#.*/, "")                # "# foreign"
  word = $1
  sub(/\([0-9]+\)$/, "", word)    # further pronunciations: word(2)
  phonemes = $0
  sub(/^[^ ]+ +/, "", phonemes)
  sub(/ +$/, "", phonemes)
  if (word != last) {
    if (tested != "") print tested > (folder "/test.tsv")
    tested = ""
    last = word
    where = part(word)
  }
  if (where == "test")
    tested = (tested == "" ? word : tested) "\t" phonemes
  else
    print word "\t" phonemes > (folder "/" where ".tsv")
}

END {
  if (tested != "") print tested > (folder "/test.tsv")
}
