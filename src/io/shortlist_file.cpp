#include "io/shortlist_file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/stand_in.h"

namespace transept {
namespace {

// Marian's binary form, little-endian: eight-byte words
//   magic, checksum, first, best, number of offsets, number of targets, offsets …
// and then the targets, four bytes each. Those of source s are [offset[s], offset[s + 1]).
constexpr uint64_t kMagic = 0xF11A48D5013417F5;
constexpr size_t kHeaderWords = 6;
constexpr size_t kWord = sizeof(uint64_t);

class BinaryReader {
 public:
  BinaryReader(std::span<const std::byte> bytes, std::string_view name,
               const ShortlistVocabulary& vocabulary)
      : bytes_(bytes), name_(name), vocabulary_(vocabulary) {}

  [[nodiscard]] Shortlist read() const {
    check(bytes_.size() >= kHeaderWords * kWord, ErrorCode::bad_data,
          "{}: a shortlist of {} bytes, its header alone has {}", name_, bytes_.size(),
          kHeaderWords * kWord);
    const uint64_t n_offsets = word(4);
    const uint64_t n_targets = word(5);
    check_size(n_offsets, n_targets);
    check(checksum() == word(1), ErrorCode::bad_data,
          "{}: the checksum does not match: the shortlist is damaged", name_);
    check(n_offsets <= static_cast<uint64_t>(vocabulary_.n_sources) + 1, ErrorCode::bad_data,
          "{}: a shortlist for {} source tokens, the model has {}", name_, n_offsets - 1,
          vocabulary_.n_sources);
    Shortlist shortlist;
    shortlist.n_targets = vocabulary_.n_targets;
    shortlist.first =
        static_cast<int>(std::min<uint64_t>(word(2), static_cast<uint64_t>(vocabulary_.n_targets)));
    read_offsets(n_offsets, n_targets, shortlist);
    read_targets(n_offsets, n_targets, shortlist);
    return shortlist;
  }

 private:
  [[nodiscard]] uint64_t word(size_t index) const {
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + index * kWord, kWord);
    return value;
  }

  void check_size(uint64_t n_offsets, uint64_t n_targets) const {
    const size_t rest = bytes_.size() - kHeaderWords * kWord;
    const bool fits = n_offsets >= 1 && n_offsets <= rest / kWord &&
                      n_targets <= rest / sizeof(uint32_t) &&
                      n_offsets * kWord + n_targets * sizeof(uint32_t) == rest;
    check(fits, ErrorCode::bad_data,
          "{}: {} bytes, which are not the {} offsets and {} targets that its header tells of",
          name_, bytes_.size(), n_offsets, n_targets);
  }

  // Of all whole words after itself, as Marian combines hashes.
  [[nodiscard]] uint64_t checksum() const {
    uint64_t sum = 0;
    for (size_t i = 2; i < bytes_.size() / kWord; ++i) {
      sum ^= word(i) + 0x9e3779b9 + (sum << 6) + (sum >> 2);
    }
    return sum;
  }

  void read_offsets(uint64_t n_offsets, uint64_t n_targets, Shortlist& shortlist) const {
    for (size_t i = 0; i < n_offsets; ++i) {
      const uint64_t offset = word(kHeaderWords + i);
      const uint64_t least = i == 0 ? 0 : shortlist.offsets.back();
      check(offset >= least && offset <= n_targets, ErrorCode::bad_data,
            "{}: offset {} is {}, expected {} to {}", name_, i, offset, least, n_targets);
      shortlist.offsets.push_back(offset);
    }
    check(shortlist.offsets.back() == n_targets, ErrorCode::bad_data,
          "{}: the last offset is {}, expected the number of targets, {}", name_,
          shortlist.offsets.back(), n_targets);
  }

  void read_targets(uint64_t n_offsets, uint64_t n_targets, Shortlist& shortlist) const {
    const std::byte* from = bytes_.data() + (kHeaderWords + n_offsets) * kWord;
    for (size_t i = 0; i < n_targets; ++i) {
      uint32_t target = 0;
      std::memcpy(&target, from + i * sizeof target, sizeof target);
      check(target < static_cast<uint32_t>(vocabulary_.n_targets), ErrorCode::bad_data,
            "{}: entry {} is target token {}, the model has {}", name_, i, target,
            vocabulary_.n_targets);
      shortlist.targets.push_back(static_cast<Token>(target));
    }
  }

  std::span<const std::byte> bytes_;
  std::string_view name_;
  const ShortlistVocabulary& vocabulary_;
};

struct Pair {
  Token source = 0;
  Token target = 0;
  double probability = 0;
};

// The next field of a line, which is shortened by it: fields are separated by spaces or tabs.
std::string_view next_field(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  const size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
  const std::string_view field = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return field;
}

class TableReader {
 public:
  TableReader(std::string_view text, std::string_view name, const ShortlistVocabulary& vocabulary)
      : text_(without_mark(text)), name_(name), vocabulary_(vocabulary) {}

  [[nodiscard]] Shortlist read(const ShortlistLimits& limits) {
    for (std::string_view rest = text_; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      ++line_;
      read_line(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    check(!pairs_.empty(), ErrorCode::bad_data,
          "{}: in none of its {} lines are both words pieces of the model's vocabulary", name_,
          line_);
    return sorted(limits);
  }

 private:
  void read_line(std::string_view line) {
    const std::string_view target = next_field(line);
    if (target.empty()) return;
    const std::string_view source = next_field(line);
    const std::string_view number = next_field(line);
    Pair pair;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), pair.probability);
    const bool whole = error == std::errc{} && end == number.data() + number.size();
    check(whole && pair.probability >= 0 && pair.probability <= 1 && next_field(line).empty(),
          ErrorCode::bad_data,
          "{}, line {}: expected a target word, a source word and a probability", name_, line_);
    const std::optional<Token> from = known(source, vocabulary_.n_sources);
    const std::optional<Token> to = known(target, vocabulary_.n_targets);
    if (!from || !to || pair.probability == 0) return;
    pair.source = *from;
    pair.target = *to;
    pairs_.push_back(pair);
  }

  [[nodiscard]] std::optional<Token> known(std::string_view piece, int n_tokens) const {
    if (piece == "NULL") return std::nullopt;  // aligned to nothing
    const std::optional<Token> token = vocabulary_.find(piece);
    return token && *token < n_tokens ? token : std::nullopt;
  }

  // Per source its `best` likeliest, the larger token first among equals, as Marian takes them; of
  // a pair that comes twice the last one counts.
  [[nodiscard]] Shortlist sorted(const ShortlistLimits& limits) const {
    const std::vector<size_t> begin = begin_of_sources();
    std::vector<Pair> placed(pairs_.size());
    std::vector<size_t> next = begin;
    for (const Pair& pair : pairs_) placed[next[static_cast<size_t>(pair.source)]++] = pair;
    Shortlist shortlist;
    shortlist.n_targets = vocabulary_.n_targets;
    shortlist.first = std::min(limits.first, vocabulary_.n_targets);
    const auto best = static_cast<size_t>(limits.best);
    for (size_t source = 0; source + 1 < begin.size(); ++source) {
      shortlist.offsets.push_back(shortlist.targets.size());
      const std::vector<Pair> own = likeliest_first(
          std::span(placed).subspan(begin[source], begin[source + 1] - begin[source]));
      for (size_t rank = 0; rank < std::min(best, own.size()); ++rank)
        shortlist.targets.push_back(own[rank].target);
    }
    shortlist.offsets.push_back(shortlist.targets.size());
    return shortlist;
  }

  // Where the pairs of each source begin when they stand source by source; one more for the end.
  [[nodiscard]] std::vector<size_t> begin_of_sources() const {
    std::vector<size_t> begin(static_cast<size_t>(vocabulary_.n_sources) + 1);
    for (const Pair& pair : pairs_) ++begin[static_cast<size_t>(pair.source) + 1];
    for (size_t source = 1; source < begin.size(); ++source) begin[source] += begin[source - 1];
    return begin;
  }

  static std::vector<Pair> likeliest_first(std::span<Pair> pairs) {
    std::ranges::stable_sort(pairs, {}, &Pair::target);
    std::vector<Pair> last;
    for (const Pair& pair : pairs) {
      if (!last.empty() && last.back().target == pair.target) last.pop_back();
      last.push_back(pair);
    }
    std::ranges::stable_sort(
        last, {}, [](const Pair& pair) { return std::pair(-pair.probability, -pair.target); });
    return last;
  }

  std::string_view text_;
  std::string_view name_;
  const ShortlistVocabulary& vocabulary_;
  int64_t line_ = 0;
  std::vector<Pair> pairs_;
};

bool is_binary(std::span<const std::byte> bytes) {
  uint64_t magic = 0;
  if (bytes.size() >= sizeof magic) std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == kMagic;
}

}  // namespace

Shortlist load_shortlist(const std::filesystem::path& path, const ShortlistVocabulary& vocabulary,
                         const ShortlistLimits& limits) {
  const std::string bytes = read_text(path, kMostVocabularyBytes);
  return read_shortlist(std::as_bytes(std::span(bytes)), path.string(), vocabulary, limits);
}

Shortlist read_shortlist(std::span<const std::byte> bytes, std::string_view name,
                         const ShortlistVocabulary& vocabulary, const ShortlistLimits& limits) {
  check_not_stand_in({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
  if (is_binary(bytes)) return BinaryReader(bytes, name, vocabulary).read();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t nul = text.find('\0');
  check(nul == std::string_view::npos, ErrorCode::bad_data,
        "{}: neither a shortlist of Marian's nor text: byte {} is NUL", name, nul + 1);
  return TableReader(text, name, vocabulary).read(limits);
}

}  // namespace transept
