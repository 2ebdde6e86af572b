#include "text/pre_tokenizers.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/metaspace.h"
#include "text/splitting.h"

namespace transept {
namespace {

constexpr int kDeepest = 8;  // sequences in sequences

struct Character {
  uint32_t mask;
  size_t size;
};

Character character_at(std::string_view text, size_t at) {
  static const auto kAscii = [] {
    std::array<uint32_t, 128> masks{};
    for (char32_t c = 0; c < 128; ++c) masks[c] = properties(c);
    return masks;
  }();
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {kAscii[lead], 1};
  const CodePoint c = decode_utf8(text, at);
  return {properties(c.value), static_cast<size_t>(c.size)};
}

// Cuts at white space, which is dropped, and around every character with one of the `alone`
// properties.
void split_words(SplitText& text, uint32_t alone) {
  refine(text, [&](std::string_view view, size_t base, std::vector<Split>& out) {
    size_t word = 0;
    for (size_t at = 0; at < view.size();) {
      const Character c = character_at(view, at);
      const size_t next = at + c.size;
      if ((c.mask & (kWhite | alone)) != 0) {
        if (word < at) out.push_back({base + word, base + at, -1});
        if ((c.mask & kWhite) == 0) out.push_back({base + at, base + next, -1});
        word = next;
      }
      at = next;
    }
    if (word < view.size()) out.push_back({base + word, base + view.size(), -1});
  });
}

class WhitespaceSplit : public PreTokenizer {
 public:
  void split(SplitText& text) const override { split_words(text, 0); }
};

class BertPreTokenizer : public PreTokenizer {
 public:
  void split(SplitText& text) const override { split_words(text, kPunctuation); }
};

// \w+|[^\w\s]+
class Whitespace : public PreTokenizer {
 public:
  void split(SplitText& text) const override {
    constexpr uint32_t kMask = kRegexWord | kRegexSpace;
    refine(text, [&](std::string_view view, size_t base, std::vector<Split>& out) {
      for (size_t at = 0; at < view.size();) {
        const size_t begin = at;
        const Character first = character_at(view, at);
        for (Character c = first; (c.mask & kMask) == (first.mask & kMask);) {
          at += c.size;
          if (at == view.size()) break;
          c = character_at(view, at);
        }
        if ((first.mask & kRegexSpace) == 0) out.push_back({base + begin, base + at, -1});
      }
    });
  }
};

// Single characters as delimiters.
class SplitAtCharacters : public PreTokenizer {
 public:
  SplitAtCharacters(uint32_t properties, Delimiter delimiter)
      : properties_(properties), delimiter_(delimiter) {}
  void split(SplitText& text) const override {
    refine(text, [&](std::string_view view, size_t base, std::vector<Split>& out) {
      std::vector<Match> matches;
      for (size_t at = 0; at < view.size();) {
        const Character c = character_at(view, at);
        if ((c.mask & properties_) != 0) matches.push_back({at, at + c.size});
        at += c.size;
      }
      add_splits(stretches_of(matches, view.size(), false), delimiter_, base, out);
    });
  }

 private:
  uint32_t properties_;
  Delimiter delimiter_;
};

class SplitAtPattern : public PreTokenizer {
 public:
  SplitAtPattern(Pattern pattern, Delimiter delimiter, bool inverted)
      : pattern_(std::move(pattern)), delimiter_(delimiter), inverted_(inverted) {}
  void split(SplitText& text) const override {
    refine(text, [&](std::string_view view, size_t base, std::vector<Split>& out) {
      const std::vector<Match> matches = pattern_.find_all(view);
      add_splits(stretches_of(matches, view.size(), inverted_), delimiter_, base, out);
    });
  }

 private:
  Pattern pattern_;
  Delimiter delimiter_;
  bool inverted_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}

  void split(SplitText& text) const override {
    if (add_prefix_space_) add_spaces(text);
    if (use_regex_) {
      refine(text, [](std::string_view view, size_t base, std::vector<Split>& out) {
        for (size_t at = 0; at < view.size();) {
          const size_t end = next_gpt2_word(view, at);
          out.push_back({base + at, base + end, -1});
          at = end;
        }
      });
    }
    if (!raw_bytes_) spell(text);
  }
  bool leave_raw_bytes() override {
    raw_bytes_ = true;
    return true;
  }
  [[nodiscard]] bool ends_in_bytes() const override { return true; }

 private:
  static void add_spaces(SplitText& text) {
    const bool needed = std::any_of(text.splits.begin(), text.splits.end(), [&](const Split& s) {
      return s.added < 0 && !text.view(s).starts_with(' ');
    });
    if (!needed) return;
    rewrite(text, [](std::string_view view, TextEdit& edit) {
      if (!view.starts_with(' ')) edit.insert_like_next(" ");
      edit.keep(view.size());
    });
  }
  static void spell(SplitText& text) {
    rewrite(text, [](std::string_view view, TextEdit& edit) {
      std::string spelled;
      for (size_t at = 0; at < view.size();) {
        const auto size = static_cast<size_t>(decode_utf8(view, at).size);
        spelled.clear();
        for (const char c : view.substr(at, size)) {
          append_utf8(spelled, byte_to_char(static_cast<unsigned char>(c)));
        }
        edit.insert_like_next(spelled);
        edit.skip(size);
        at += size;
      }
    });
  }
  bool add_prefix_space_;
  bool use_regex_;
  bool raw_bytes_ = false;
};

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<PreTokenizer>> all) : all_(std::move(all)) {}
  void split(SplitText& text) const override {
    for (const auto& one : all_) one->split(text);
  }
  bool leave_raw_bytes() override { return !all_.empty() && all_.back()->leave_raw_bytes(); }
  [[nodiscard]] bool ends_in_bytes() const override {
    return !all_.empty() && all_.back()->ends_in_bytes();
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> all_;
};

std::unique_ptr<PreTokenizer> make(const Json& json, int depth) {
  const std::string_view type = json.at("type").as_string();
  if (type == "Sequence") {
    check(depth < kDeepest, ErrorCode::unsupported, "{}: sequences nested {} deep", json, depth);
    std::vector<std::unique_ptr<PreTokenizer>> all;
    json.at("pretokenizers").each_element([&](size_t, const Json& element) {
      all.push_back(make(element, depth + 1));
    });
    return std::make_unique<Sequence>(std::move(all));
  }
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "Whitespace") return std::make_unique<Whitespace>();
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (type == "Metaspace") return std::make_unique<Metaspace>(json);
  if (type == "ByteLevel") {
    return make_byte_level(json.at("add_prefix_space").as_bool(), json.get("use_regex", true));
  }
  if (type == "Punctuation") {
    const std::optional<Json> behavior = json.find("behavior");
    return std::make_unique<SplitAtCharacters>(
        kPunctuation, behavior ? read_delimiter(*behavior) : Delimiter::isolated);
  }
  if (type == "Digits") {
    const bool individual = json.at("individual_digits").as_bool();
    return std::make_unique<SplitAtCharacters>(
        kNumeric, individual ? Delimiter::isolated : Delimiter::contiguous);
  }
  if (type == "Split") {
    return std::make_unique<SplitAtPattern>(Pattern(json.at("pattern")),
                                            read_delimiter(json.at("behavior")),
                                            json.at("invert").as_bool());
  }
  if (type == "CharDelimiterSplit" || type == "Delimiter") {
    return std::make_unique<SplitAtPattern>(Pattern(std::string(json.at("delimiter").as_string())),
                                            Delimiter::removed, false);
  }
  fail(ErrorCode::unsupported, "{}: pre-tokenizer \"{}\"", json, type);
}

}  // namespace

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json) {
  return make(json, 0);
}

std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer() {
  return std::make_unique<BertPreTokenizer>();
}

std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_regex) {
  return std::make_unique<ByteLevel>(add_prefix_space, use_regex);
}

}  // namespace transept
