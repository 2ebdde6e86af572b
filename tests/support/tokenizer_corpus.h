// Text that tokenizers get wrong, the same on every machine: real lines where the data folder is
// there, and generated ones. tools/fixtures/tokenizer_digests.py asks the reference about them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace transept::testing {

class TokenizerCorpus {
 public:
  // At least 20,000 lines where the data folder has all of its files.
  explicit TokenizerCorpus(const std::filesystem::path& data) {
    for (const char* file : {"multi30k/train.en.gz", "multi30k/train.de.gz", "multi30k/train.fr.gz",
                             "tatoeba-en-de/pairs.tsv.gz", "tatoeba-en-fr/pairs.tsv.gz"})
      add_every(11, 2200, data / file);
    n_real_ = lines_.size();
    add_fixed();
    add_every_plane();
    while (lines_.size() < n_real_ + 10'000) lines_.push_back(generated());
  }

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  [[nodiscard]] size_t n_real() const { return n_real_; }

 private:
  void add_every(size_t step, size_t most, const std::filesystem::path& file) {
    if (!std::filesystem::exists(file)) return;
    std::string quoted = "'";
    for (const char c : file.string()) quoted += c == '\'' ? "'\\''" : std::string(1, c);
    FILE* text = popen(("gzip -dc " + quoted + "'").c_str(), "r");
    if (text == nullptr) throw std::runtime_error("gzip could not be started");
    std::string line;
    size_t n = 0;
    for (int c = 0; (c = std::getc(text)) != EOF;) {
      if (c != '\n') {
        line += static_cast<char>(c);
        continue;
      }
      if (n % step == 0 && n / step < most) lines_.push_back(line);
      ++n;
      line.clear();
    }
    if (pclose(text) != 0) throw std::runtime_error(file.string() + ": gzip could not read it");
  }

  void add_fixed() {
    for (const char* line :
         {"", " ", "  ", "\n", "\r\n", "a\r\nb", "\t", "'", "''s", "\xEF\xBF\xBD",
          "\xEF\xBB\xBF"
          "a",
          "don't I'll we've they're", "\x7f\x01\x1f"})
      lines_.emplace_back(line);
    lines_.emplace_back("a\0b", 3);
    for (const std::string special : kSpecials)
      for (const std::string& line : {special, "a" + special + "b", " " + special + " ",
                                      "a  " + special + "  b", special + special, special + "."})
        lines_.push_back(line);
    std::string letters;
    for (int i = 0; i < 1'000'000; ++i) letters += static_cast<char>('a' + below(26));
    lines_.push_back(letters);  // no space in a megabyte
    for (const auto& [part, times] : {std::pair("\u4e2d", 300'000),
                                      {"e\u0301", 20'000},
                                      {"\U0001F44D", 30'000},
                                      {" ", 100'000},
                                      {".", 50'000},
                                      {"a'", 1'000},
                                      {"x", 100},
                                      {"x", 101}}) {
      std::string line;
      for (int i = 0; i < times; ++i) line += part;
      lines_.push_back(line);
    }
  }

  // Blocks of code points: all of the planes that have many characters, some of the others.
  void add_every_plane() {
    constexpr uint32_t kBlock = 64;
    for (uint32_t at = 0; at < 0x110000; at += kBlock) {
      const bool is_used = at < 0x32400 || (at >= 0xE0000 && at < 0xE0200);
      if (!is_used && at / kBlock % 97 != 0) continue;
      std::string line;
      for (uint32_t c = at; c < at + kBlock; ++c) {
        if (c >= 0xD800 && c < 0xE000) continue;
        append_utf8(line, c);
        if (at / kBlock % 3 != 0) line += at / kBlock % 3 == 1 ? 'a' : ' ';
      }
      lines_.push_back(line);
    }
  }

  std::string generated() {
    const bool spaced = below(2) == 0;
    std::string line;
    for (uint32_t n = 1 + below(14); n > 0; --n) {
      line += atom();
      if (spaced && n > 1) line += ' ';
    }
    return line;
  }

  std::string atom() {
    std::string text;
    switch (below(10)) {
      case 0:
        for (uint32_t n = 1 + below(6); n > 0; --n) append_utf8(text, any_character());
        return text;
      case 1:
        return kEmoji[below(kEmoji.size())];
      case 2:
        append_utf8(text, below(0xA0));  // controls too
        return text;
      case 3:
        for (uint32_t n = 1 + below(5); n > 0; --n)
          append_utf8(text, kSpaces[below(kSpaces.size())]);
        return text;
      case 4:
        return std::string(1 + below(20), ' ');
      case 5:
        text = kSpecials[below(kSpecials.size())];
        return text[0] > 0 && below(3) == 0 ? text.substr(1) : text;  // whole characters
      case 6:
        for (uint32_t n = 1 + below(4); n > 0; --n) append_utf8(text, kMarks[below(kMarks.size())]);
        return text;
      case 7:
        return std::to_string(below(1'000'000'000));
      case 8:
        return script_word();
      default:
        break;
    }
    // A word of a real line, or a letter and a punctuation mark.
    if (n_real_ == 0)
      return {static_cast<char>('a' + below(26)), static_cast<char>('!' + below(15))};
    const std::string& line = lines_[below(static_cast<uint32_t>(n_real_))];
    const size_t space = line.find(' ');
    return line.substr(0, space);
  }

  std::string script_word() {
    const auto [first, last] = kScripts[below(kScripts.size())];
    std::string word;
    for (uint32_t n = 1 + below(12); n > 0; --n) {
      append_utf8(word, first + below(last - first));
      if (below(10) == 0) append_utf8(word, kMarks[below(kMarks.size())]);
    }
    return word;
  }

  uint32_t any_character() {
    for (;;) {
      const uint32_t c = below(0x110000);
      if (c < 0xD800 || c >= 0xE000) return c;
    }
  }

  // Not std::uniform_int_distribution, which differs between libraries.
  uint32_t below(size_t n) { return static_cast<uint32_t>(random_() % n); }

  static constexpr std::array kSpecials = {
      "<s>",    "</s>",   "<pad>",    "<unk>",   "<mask>",        "[CLS]",    "[SEP]",
      "[MASK]", "[UNK]",  "<mask_1>", "<n>",     "<extra_id_0>",  "<unk_7>",  "<extra_id_99>",
      ">>fr<<", "<0xE2>", "\u2581",   "\u2581a", "<|endoftext|>", " \u2047 ", "madeupword0000"};
  static constexpr std::array kEmoji = {
      "\U0001F469\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466",
      "\U0001F3F3\ufe0f\u200d\U0001F308",
      "\U0001F44D\U0001F3FD",
      "\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7",
      "1\ufe0f\u20e3",
      "\u2764\ufe0f",
      "\U0001F9D1\U0001F3FF\u200d\U0001F680",
      "\u00a9\u200d\u00ae"};
  static constexpr std::array<uint32_t, 20> kSpaces = {
      0x20,   0x09,   0x0A,   0x0D,   0x0B,   0x0C,   0x85,   0xA0,   0x1680, 0x2003,
      0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0x200B, 0x2060, 0xFEFF, 0x2581, 0xAD};
  static constexpr std::array<uint32_t, 20> kMarks = {
      0x300, 0x301, 0x308,  0x30A,  0x327,  0x328,  0x345,  0x5B0,   0x64B,   0x93C,
      0x94D, 0xE31, 0x20D0, 0x3099, 0x309A, 0xFE0F, 0x200D, 0x1F3FB, 0x1D165, 0xE0061};
  static constexpr std::array<std::pair<uint32_t, uint32_t>, 24> kScripts = {
      {{0x20, 0x7F},     {0xA0, 0x250},    {0x370, 0x400},     {0x400, 0x530},    {0x530, 0x590},
       {0x590, 0x600},   {0x600, 0x750},   {0x900, 0x980},     {0x980, 0xA00},    {0xB80, 0xC00},
       {0xE00, 0xE80},   {0xF00, 0x1000},  {0x1000, 0x10A0},   {0x1100, 0x1200},  {0x1780, 0x1800},
       {0x1E00, 0x2000}, {0x2100, 0x2200}, {0x3040, 0x3100},   {0x4E00, 0x9FFF},  {0xAC00, 0xD7A4},
       {0xFB00, 0xFE00}, {0xFF00, 0xFFF0}, {0x1D400, 0x1D800}, {0x20000, 0x20100}}};

  std::mt19937 random_{1};
  std::vector<std::string> lines_;
  size_t n_real_ = 0;
};

}  // namespace transept::testing
