#include "text/decoders.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/metaspace.h"
#include "text/pattern.h"

namespace transept {
namespace {

constexpr int kDeepest = 8;
constexpr std::string_view kReplacement = "\uFFFD";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == std::string::npos || from.empty()) return;
  std::string out;
  size_t begin = 0;
  for (; at != std::string::npos; at = text.find(from, begin)) {
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  text = out.append(text, begin);
}

using Pieces = std::vector<std::string>;

class ByteLevelDecoder : public Decoder {
 public:
  void decode(Pieces& pieces) const override {
    std::string bytes;
    for (const std::string& piece : pieces) bytes += spelled_bytes(piece).value_or(piece);
    pieces = {replace_invalid_utf8(bytes)};
  }
};

class WordPieceDecoder : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void decode(Pieces& pieces) const override {
    for (size_t i = 0; i < pieces.size(); ++i) {
      std::string& piece = pieces[i];
      if (i > 0 && piece.starts_with(prefix_)) {
        piece.erase(0, prefix_.size());
      } else if (i > 0) {
        piece = std::string(" ").append(piece);
      }
      if (cleanup_) clean(piece);
    }
  }

 private:
  // Not quite clean_up_spaces(): the reference has " do not" here and in that order.
  static void clean(std::string& piece) {
    if (piece.find(' ') == std::string::npos) return;
    constexpr std::array<std::array<std::string_view, 2>, 11> kRules{{{" .", "."},
                                                                      {" ?", "?"},
                                                                      {" !", "!"},
                                                                      {" ,", ","},
                                                                      {" ' ", "'"},
                                                                      {" n't", "n't"},
                                                                      {" 'm", "'m"},
                                                                      {" do not", " don't"},
                                                                      {" 's", "'s"},
                                                                      {" 've", "'ve"},
                                                                      {" 're", "'re"}}};
    for (const auto& [from, to] : kRules) replace_all(piece, from, to);
  }
  std::string prefix_;
  bool cleanup_;
};

class MetaspaceDecoder : public Decoder {
 public:
  explicit MetaspaceDecoder(const Json& json) : options_(read_metaspace(json)) {}
  void decode(Pieces& pieces) const override {
    for (size_t i = 0; i < pieces.size(); ++i) {
      const bool drop = i == 0 && options_.prepend != Prepend::never;
      replace_all(pieces[i], options_.replacement, drop ? "" : " ");
    }
  }

 private:
  MetaspaceOptions options_;
};

class BpeDecoder : public Decoder {
 public:
  explicit BpeDecoder(const Json& json) : suffix_(json.at("suffix").as_string()) {
    check(!suffix_.empty(), ErrorCode::unsupported, "{}: an empty suffix", json);
  }
  void decode(Pieces& pieces) const override {
    for (size_t i = 0; i < pieces.size(); ++i) {
      replace_all(pieces[i], suffix_, i + 1 == pieces.size() ? "" : " ");
    }
  }

 private:
  std::string suffix_;
};

class ByteFallbackDecoder : public Decoder {
 public:
  void decode(Pieces& pieces) const override {
    Pieces out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (find_invalid_utf8(bytes) == std::string::npos) {
        out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), std::string(kReplacement));
      }
      bytes.clear();
    };
    for (std::string& piece : pieces) {
      if (const int byte = byte_of(piece); byte >= 0) {
        bytes += static_cast<char>(byte);
      } else {
        flush();
        out.push_back(std::move(piece));
      }
    }
    flush();
    pieces = std::move(out);
  }

 private:
  // The byte of a piece like <0x0A>, else -1. "+A" is a number for the reference's parser, too.
  static int byte_of(std::string_view piece) {
    if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with('>')) return -1;
    std::string_view digits = piece.substr(3, 2);
    if (digits[0] == '+') digits.remove_prefix(1);
    int byte = -1;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, byte, 16);
    return error == std::errc() && stop == end && digits[0] != '-' ? byte : -1;
  }
};

class FuseDecoder : public Decoder {
 public:
  void decode(Pieces& pieces) const override {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    pieces = {std::move(all)};
  }
};

class StripDecoder : public Decoder {
 public:
  explicit StripDecoder(const Json& json)
      : content_(json.at("content").as_string()),
        start_(json.at("start").as_int(0, INT32_MAX)),
        stop_(json.at("stop").as_int(0, INT32_MAX)) {
    check(count_code_points(content_) == 1, ErrorCode::bad_data,
          "{}: content \"{}\", expected one character", json, content_);
  }
  void decode(Pieces& pieces) const override {
    for (std::string& piece : pieces) {
      std::string_view rest = piece;
      for (int64_t i = 0; i < start_ && rest.starts_with(content_); ++i) {
        rest.remove_prefix(content_.size());
      }
      for (int64_t i = 0; i < stop_ && rest.ends_with(content_); ++i) {
        rest.remove_suffix(content_.size());
      }
      piece = std::string(rest);
    }
  }

 private:
  std::string content_;
  int64_t start_;
  int64_t stop_;
};

class ReplaceDecoder : public Decoder {
 public:
  explicit ReplaceDecoder(const Json& json)
      : pattern_(json.at("pattern")), content_(json.at("content").as_string()) {}
  void decode(Pieces& pieces) const override {
    for (std::string& piece : pieces) {
      std::string out;
      size_t at = 0;
      for (const Match& match : pattern_.find_all(piece)) {
        out.append(piece, at, match.begin - at).append(content_);
        at = match.end;
      }
      piece = out.append(piece, at);
    }
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class SequenceDecoder : public Decoder {
 public:
  explicit SequenceDecoder(std::vector<std::unique_ptr<Decoder>> all) : all_(std::move(all)) {}
  void decode(Pieces& pieces) const override {
    for (const auto& one : all_) one->decode(pieces);
  }

 private:
  std::vector<std::unique_ptr<Decoder>> all_;
};

std::unique_ptr<Decoder> make(const Json& json, int depth) {
  const std::string_view type = json.at("type").as_string();
  if (type == "Sequence") {
    check(depth < kDeepest, ErrorCode::unsupported, "{}: sequences nested {} deep", json, depth);
    std::vector<std::unique_ptr<Decoder>> all;
    json.at("decoders").each_element([&](size_t, const Json& element) {
      all.push_back(make(element, depth + 1));
    });
    return std::make_unique<SequenceDecoder>(std::move(all));
  }
  if (type == "ByteLevel") return make_byte_level_decoder();
  if (type == "Metaspace") return std::make_unique<MetaspaceDecoder>(json);
  if (type == "BPEDecoder") return std::make_unique<BpeDecoder>(json);
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  if (type == "Strip") return std::make_unique<StripDecoder>(json);
  if (type == "Replace") return std::make_unique<ReplaceDecoder>(json);
  if (type == "WordPiece") {
    return make_wordpiece_decoder(std::string(json.at("prefix").as_string()),
                                  json.at("cleanup").as_bool());
  }
  fail(ErrorCode::unsupported, "{}: decoder \"{}\"", json, type);
}

}  // namespace

std::unique_ptr<Decoder> make_decoder(const Json& json) {
  return make(json, 0);
}

std::unique_ptr<Decoder> make_byte_level_decoder() {
  return std::make_unique<ByteLevelDecoder>();
}

std::unique_ptr<Decoder> make_wordpiece_decoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(std::move(prefix), cleanup);
}

std::string clean_up_spaces(std::string text) {
  constexpr std::array<std::array<std::string_view, 2>, 10> kRules{{{" .", "."},
                                                                    {" ?", "?"},
                                                                    {" !", "!"},
                                                                    {" ,", ","},
                                                                    {" ' ", "'"},
                                                                    {" n't", "n't"},
                                                                    {" 'm", "'m"},
                                                                    {" 's", "'s"},
                                                                    {" 've", "'ve"},
                                                                    {" 're", "'re"}}};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
  return text;
}

}  // namespace transept
