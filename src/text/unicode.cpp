#include "text/unicode.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {
namespace {

#include "text/unicode_tables.inl"

constexpr char32_t kCodePoints = 0x110000;

// Two-stage table: page of 256 code points -> values, equal pages stored once.
class PropertyTable {
 public:
  PropertyTable() {
    std::vector<uint32_t> page;
    char32_t at = 0;
    for (size_t i = 0; i < std::size(kRuns); i += 2) {
      for (uint32_t k = 0; k < kRuns[i]; ++k, ++at) {
        page.push_back(kMasks[kRuns[i + 1]]);
        if (page.size() == 256) {
          add(at >> 8, page);
          page.clear();
        }
      }
    }
    dcheck(at == kCodePoints);
  }
  [[nodiscard]] uint32_t at(char32_t c) const {
    return c < kCodePoints ? values_[(size_t{pages_[c >> 8]} << 8) | (c & 0xFF)] : 0;
  }

 private:
  void add(size_t index, const std::vector<uint32_t>& page) {
    size_t known = 0;
    while (known < values_.size() &&
           !std::equal(page.begin(), page.end(),
                       values_.begin() + static_cast<std::ptrdiff_t>(known))) {
      known += 256;
    }
    if (known == values_.size()) values_.insert(values_.end(), page.begin(), page.end());
    pages_[index] = static_cast<uint16_t>(known >> 8);
  }
  std::array<uint16_t, kCodePoints / 256> pages_{};
  std::vector<uint32_t> values_;
};

// What normalisation has to know of a character, for those that need anything at all.
struct Decompositions {
  static constexpr uint8_t kOldVersion[4] = {9, 0, 0, 0};  // of the reference's tables

  Decompositions() {
    UErrorCode error = U_ZERO_ERROR;
    nfc = unorm2_getNFCInstance(&error);
    nfkc = unorm2_getNFKCInstance(&error);
    check(U_SUCCESS(error), ErrorCode::internal, "ICU: no normalisation data: {}",
          u_errorName(error));
  }
  static bool is_known(char32_t c) {
    UVersionInfo age;
    u_charAge(static_cast<UChar32>(c), age);
    return std::lexicographical_compare(age, age + 4, kOldVersion, kOldVersion + 4) ||
           std::equal(age, age + 4, kOldVersion);
  }
  [[nodiscard]] int combining_class(char32_t c) const {
    if (c < 0x300) return 0;
    const int value = unorm2_getCombiningClass(nfc, static_cast<UChar32>(c));
    return value != 0 && is_known(c) ? value : 0;
  }
  [[nodiscard]] int decompose(char32_t c, bool compatible, std::array<char32_t, 18>& out) const {
    if (c < 0xA0) return 0;
    UErrorCode error = U_ZERO_ERROR;
    std::array<UChar, 40> buffer;
    const int n = unorm2_getDecomposition(compatible ? nfkc : nfc, static_cast<UChar32>(c),
                                          buffer.data(), static_cast<int>(buffer.size()), &error);
    if (n < 0 || U_FAILURE(error) || !is_known(c)) return 0;
    int count = 0;
    for (int i = 0; i < n && count < static_cast<int>(out.size());) {
      UChar32 value = 0;
      U16_NEXT(buffer.data(), i, n, value);
      out[static_cast<size_t>(count++)] = static_cast<char32_t>(value);
    }
    return count;
  }
  // 0 if the two do not compose.
  [[nodiscard]] char32_t compose(char32_t a, char32_t b) const {
    const UChar32 c = unorm2_composePair(nfc, static_cast<UChar32>(a), static_cast<UChar32>(b));
    return c < 0 || !is_known(static_cast<char32_t>(c)) ? 0 : static_cast<char32_t>(c);
  }

  const UNormalizer2* nfc = nullptr;
  const UNormalizer2* nfkc = nullptr;
};

const Decompositions& decompositions() {
  static const Decompositions kInstance;
  return kInstance;
}

struct Classed {
  Change change;
  int combining_class;
};

// The full decomposition in canonical order.
void decompose_text(std::string_view text, bool compatible, std::vector<Classed>& out) {
  const Decompositions& data = decompositions();
  size_t pending = 0;  // out[pending, end) are combining marks not yet in order
  const auto sort_pending = [&] {
    std::stable_sort(
        out.begin() + static_cast<std::ptrdiff_t>(pending), out.end(),
        [](const Classed& a, const Classed& b) { return a.combining_class < b.combining_class; });
    pending = out.size();
  };
  const auto put = [&](char32_t c, bool first) {
    const int combining_class = data.combining_class(c);
    if (combining_class == 0 && pending + 1 < out.size()) sort_pending();
    if (combining_class == 0) pending = out.size();
    out.push_back({{c, first ? 0 : 1}, combining_class});
  };
  std::array<char32_t, 18> parts;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    at += static_cast<size_t>(c.size);
    const int n = data.decompose(c.value, compatible, parts);
    if (n == 0) put(c.value, true);
    for (int i = 0; i < n; ++i) put(parts[static_cast<size_t>(i)], i == 0);
  }
  sort_pending();
}

// Canonical composition (UAX #15), carrying the changes along: a composed character stands for all
// that went into it.
void compose_text(const std::vector<Classed>& in, std::vector<Change>& out) {
  const Decompositions& data = decompositions();
  size_t starter = SIZE_MAX;  // in `out`
  int last_class = -1;        // of what follows the starter there; -1: nothing does
  for (const Classed& c : in) {
    if (starter != SIZE_MAX && last_class < c.combining_class) {
      if (const char32_t composed = data.compose(out[starter].value, c.change.value)) {
        out[starter].value = composed;
        out[starter].change += c.change.change - 1;
        continue;
      }
    }
    if (c.combining_class == 0) {
      starter = out.size();
      last_class = -1;
    } else {
      last_class = c.combining_class;
    }
    out.push_back(c.change);
  }
}

enum GraphemeGroup : uint32_t {
  kOther,
  kCr,
  kLf,
  kControl,
  kExtend,
  kZwj,
  kSpacingMark,
  kPrepend,
  kRegional,
  kL,
  kV,
  kT,
  kSyllable
};

GraphemeGroup group_of(uint32_t mask) {
  return static_cast<GraphemeGroup>((mask >> kGraphemeShift) & 15);
}

bool is_open_syllable(char32_t c) {  // LV rather than LVT
  return (c - 0xAC00) % 28 == 0;
}

// What the cluster so far means for the next boundary.
struct GraphemeState {
  bool pictograph = false;  // pictograph extend*, waiting for a joiner
  bool joined = false;      // … and the joiner was the last
  int conjunct = 0;         // 1: consonant (extend)*, 2: with a linker
  int regionals = 0;
};

bool continues(char32_t before, uint32_t before_mask, uint32_t mask, const GraphemeState& state) {
  const GraphemeGroup a = group_of(before_mask);
  const GraphemeGroup b = group_of(mask);
  if (a == kCr && b == kLf) return true;
  if (a == kControl || a == kCr || a == kLf) return false;
  if (b == kControl || b == kCr || b == kLf) return false;
  if (b == kExtend || b == kZwj || b == kSpacingMark || a == kPrepend) return true;
  switch (a) {
    case kL:
      if (b == kL || b == kV || b == kSyllable) return true;
      break;
    case kV:
      if (b == kV || b == kT) return true;
      break;
    case kT:
      if (b == kT) return true;
      break;
    case kSyllable:
      if (b == kT || (b == kV && is_open_syllable(before))) return true;
      break;
    default:
      break;
  }
  if (((mask >> kConjunctShift) & 3) == 1 && state.conjunct == 2) return true;
  if ((mask & kPictographic) != 0 && state.joined) return true;
  return a == kRegional && b == kRegional && state.regionals % 2 == 1;
}

void advance(GraphemeState& state, uint32_t mask) {
  const GraphemeGroup group = group_of(mask);
  state.joined = group == kZwj && state.pictograph;
  state.pictograph = (mask & kPictographic) != 0 || (state.pictograph && group == kExtend);
  switch ((mask >> kConjunctShift) & 3) {
    case 1:
      state.conjunct = 1;
      break;
    case 2:
      state.conjunct = state.conjunct != 0 ? 2 : 0;
      break;
    case 3:
      break;
    default:
      state.conjunct = 0;
  }
  state.regionals = group == kRegional ? state.regionals + 1 : 0;
}

}  // namespace

uint32_t properties(char32_t c) {
  static const PropertyTable kTable;
  return kTable.at(c);
}

char32_t lowercase(char32_t c) {
  static const auto kTable = [] {
    std::vector<std::pair<char32_t, char32_t>> all{{0x130, 'i'}};
    for (size_t i = 0; i < std::size(kLower); i += 4) {
      for (int32_t k = 0; k < kLower[i + 1]; ++k) {
        const int32_t from = kLower[i] + k * kLower[i + 2];
        all.emplace_back(from, from + kLower[i + 3]);
      }
    }
    std::vector<char32_t> direct(0x20000);
    for (size_t k = 0; k < direct.size(); ++k) direct[k] = static_cast<char32_t>(k);
    for (const auto& [from, to] : all) direct[from] = to;
    return direct;
  }();
  return c < kTable.size() ? kTable[c] : c;
}

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return all < 0x80;
}

size_t next_grapheme(std::string_view text, size_t at) {
  CodePoint before = decode_utf8(text, at);
  uint32_t before_mask = properties(before.value);
  at += static_cast<size_t>(before.size);
  GraphemeState state;
  advance(state, before_mask);
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    const uint32_t mask = properties(c.value);
    if (!continues(before.value, before_mask, mask, state)) break;
    advance(state, mask);
    at += static_cast<size_t>(c.size);
    before = c;
    before_mask = mask;
  }
  return at;
}

bool normalize_unicode(std::string_view text, NormalForm form, std::vector<Change>& out) {
  if (is_ascii(text)) return false;
  const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
  std::vector<Classed> decomposed;
  decomposed.reserve(text.size());
  decompose_text(text, compatible, decomposed);
  out.reserve(out.size() + decomposed.size());
  if (form == NormalForm::nfc || form == NormalForm::nfkc) {
    compose_text(decomposed, out);
  } else {
    for (const Classed& c : decomposed) out.push_back(c.change);
  }
  return true;
}

}  // namespace transept
