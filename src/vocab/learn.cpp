#include "vocab/learn.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/pattern.h"
#include "vocab/sentencepiece.h"
#include "vocab/tokenizer_files.h"

namespace transept {
namespace {

constexpr const char* kWords = "\\S+";
// Any character; without the flag (?s), which Oniguruma spells otherwise.
constexpr const char* kCharacter = "[\\s\\S]";

MarkIds marks_of(const std::string& family) {
  if (family == "t5") return {.bos = -1, .pad = 0, .eos = 1, .unk = 2};
  if (family == "bart") return {.bos = 0, .pad = 1, .eos = 2, .unk = 3};
  check(family == "marian", ErrorCode::usage, "family '{}': expected t5, bart or marian", family);
  return {.bos = -1, .pad = -1, .eos = 0, .unk = 1};
}

bool is_subword(const VocabularyOptions& options) {
  return options.type == "unigram" || options.type == "bpe";
}

void check_options(const VocabularyOptions& options) {
  check(is_subword(options) || options.type == "char" || options.type == "word", ErrorCode::usage,
        "type '{}': expected unigram, bpe, char or word", options.type);
  check(options.size >= 5, ErrorCode::usage, "size {}: expected 5 or more", options.size);
  check(options.pattern.empty() || options.type == "word", ErrorCode::usage,
        "a pattern says what a word is: it needs type word, not {}", options.type);
  check(is_subword(options) || !options.byte_fallback, ErrorCode::usage,
        "byte fallback needs type unigram or bpe, not {}", options.type);
  check(is_subword(options) || options.family != "marian", ErrorCode::usage,
        "family marian needs type unigram or bpe, not {}; t5 and bart take any", options.type);
  check(options.coverage > 0 && options.coverage <= 1, ErrorCode::usage,
        "coverage {}: expected above 0, at most 1", options.coverage);
  for (const std::string& symbol : options.symbols)
    check(!symbol.empty() && find_invalid_utf8(symbol) == std::string::npos, ErrorCode::usage,
          "symbol \"{}\": expected UTF-8, not empty", symbol);
}

// Lines cut at tabs, checked, counted; empty ones passed over.
class Texts {
 public:
  explicit Texts(const NextLine& next) : next_(next) {}

  bool operator()(std::string& text) {
    for (;;) {
      while (begin_ > line_.size()) {
        if (!next_(line_)) return false;
        begin_ = 0;
        ++n_lines_;
        const size_t bad = find_invalid_utf8(line_);
        check(bad == std::string::npos, ErrorCode::bad_data,
              "line {}: byte {} is not UTF-8; convert the text to UTF-8", n_lines_, bad + 1);
        check(line_.find('\0') == std::string::npos, ErrorCode::bad_data,
              "line {}: a NUL byte, so this is not text", n_lines_);
      }
      const size_t end = std::min(line_.find('\t', begin_), line_.size());
      text.assign(line_, begin_, end - begin_);
      begin_ = end + 1;
      if (!text.empty()) return true;
    }
  }

  [[nodiscard]] int64_t n_lines() const { return n_lines_; }

 private:
  const NextLine& next_;
  std::string line_;
  size_t begin_ = 1;
  int64_t n_lines_ = 0;
};

Pattern compile(const std::string& expression) {
  JsonWriter w;
  w.begin_object().member("Regex", expression).end_object();
  const JsonDocument document = JsonDocument::parse(w.text(), "the pattern");
  return Pattern(document.root());
}

struct Counted {
  std::string token;
  int64_t count;
};

// The most frequent first, equals by their bytes.
std::vector<Counted> count_tokens(Texts& texts, const Pattern& pattern,
                                  const std::vector<std::string>& left_out) {
  std::unordered_map<std::string, int64_t> counts;
  std::string text;
  while (texts(text))
    for (const Match& match : pattern.find_all(text))
      ++counts[text.substr(match.begin, match.end - match.begin)];
  for (const std::string& token : left_out) counts.erase(token);
  std::vector<Counted> all;
  all.reserve(counts.size());
  for (auto& [token, count] : counts) all.push_back({token, count});
  std::sort(all.begin(), all.end(), [](const Counted& a, const Counted& b) {
    return a.count != b.count ? a.count > b.count : a.token < b.token;
  });
  return all;
}

std::vector<std::string> marks_in_order(const MarkIds& marks) {
  std::vector<std::string> tokens;
  if (marks.bos >= 0) tokens.emplace_back(kBos);
  for (const std::string_view mark : {kPad, kEos, kUnk}) tokens.emplace_back(mark);
  return tokens;
}

std::string learn_tokens(Texts& texts, const VocabularyOptions& options, const MarkIds& marks,
                         VocabularyReport& report) {
  const bool characters = options.type == "char";
  TokenList list{.tokens = marks_in_order(marks),
                 .pattern = characters ? kCharacter : options.pattern,
                 .is_joined = characters};
  list.tokens.insert(list.tokens.end(), options.symbols.begin(), options.symbols.end());
  const Pattern pattern = compile(list.pattern.empty() ? kWords : list.pattern);
  const std::vector<Counted> found = count_tokens(texts, pattern, list.tokens);
  check(!found.empty(), ErrorCode::usage, "the text has no tokens: nothing to learn from");
  for (const Counted& one : found) {
    const bool wanted =
        one.count >= options.min_count && list.tokens.size() < static_cast<size_t>(options.size);
    report.tokens += one.count;
    if (wanted)
      list.tokens.push_back(one.token);
    else
      report.unknown += one.count;
  }
  report.size = static_cast<int>(list.tokens.size());
  return tokenizer_json(list, marks, options.symbols);
}

class Folder {
 public:
  Folder(const std::filesystem::path& folder, VocabularyReport& report)
      : folder_(folder), report_(report) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    check(!error, ErrorCode::io, "{}: cannot make this folder: {}", folder.string(),
          error.message());
  }
  void write(const char* name, const std::string& contents) {
    write_file_atomic(folder_ / name, contents);
    report_.files.emplace_back(name);
  }

 private:
  std::filesystem::path folder_;
  VocabularyReport& report_;
};

}  // namespace

VocabularyReport learn_vocabulary(const NextLine& next, const VocabularyOptions& options,
                                  const std::filesystem::path& folder) {
  check_options(options);
  const MarkIds marks = marks_of(options.family);
  VocabularyReport report;
  Texts texts(next);
  const NextLine checked = [&](std::string& text) { return texts(text); };
  const bool marian = options.family == "marian";
  std::string model;
  std::string json;
  if (is_subword(options)) {
    // Marian's padding is not a piece of the model, but an id after the last.
    model = train_sentencepiece(checked, options, options.size - (marian ? 1 : 0), marks);
    if (!marian) json = tokenizer_json(model, marks, options.symbols);
    report.size = options.size;
  } else {
    json = learn_tokens(texts, options, marks, report);
  }
  report.lines = texts.n_lines();
  Folder files(folder, report);
  if (marian) {
    files.write("source.spm", model);
    files.write("target.spm", model);
    files.write("vocab.json", marian_vocab_json(model));
    files.write("tokenizer_config.json", marian_config_json());
    return report;
  }
  if (!model.empty()) files.write("spiece.model", model);
  files.write("tokenizer.json", json);
  files.write("tokenizer_config.json", tokenizer_config_json(marks));
  files.write("special_tokens_map.json", special_tokens_json(marks));
  return report;
}

}  // namespace transept
