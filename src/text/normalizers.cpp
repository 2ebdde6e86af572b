#include "text/normalizers.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "text/pattern.h"
#include "text/precompiled.h"
#include "text/text_ops.h"

namespace transept {
namespace {

constexpr int kDeepest = 8;  // sequences in sequences

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Normalizer>> all) : all_(std::move(all)) {}
  void normalize(AlignedText& text) const override {
    for (const auto& normalizer : all_) normalizer->normalize(text);
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> all_;
};

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(NormalForm form) : form_(form) {}
  void normalize(AlignedText& text) const override { apply_normal_form(text, form_); }

 private:
  NormalForm form_;
};

// Those that are one function without parameters.
class Plain : public Normalizer {
 public:
  explicit Plain(void (*apply)(AlignedText&)) : apply_(apply) {}
  void normalize(AlignedText& text) const override { apply_(text); }

 private:
  void (*apply_)(AlignedText&);
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void normalize(AlignedText& text) const override { strip(text, left_, right_); }

 private:
  bool left_;
  bool right_;
};

class Replace : public Normalizer {
 public:
  explicit Replace(const Json& json)
      : pattern_(json.at("pattern")), content_(json.at("content").as_string()) {}
  void normalize(AlignedText& text) const override {
    const std::vector<Match> matches = pattern_.find_all(text.text());
    if (matches.empty()) return;
    TextEdit edit(text);
    for (const Match& match : matches) {
      edit.keep(match.begin - edit.at());
      edit.skip(match.end - match.begin);
      edit.insert(content_);
    }
    edit.finish();
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string_view content) : content_(content) {}
  void normalize(AlignedText& text) const override {
    if (text.text().empty() || content_.empty()) return;
    TextEdit edit(text);
    edit.insert_like_next(content_);
    edit.finish();
  }

 private:
  std::string content_;
};

// sentencepiece's rules "nmt" without its normal form.
void apply_nmt(AlignedText& text) {
  drop_characters(text, [](char32_t c) {
    return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
  });
  map_characters(text, [](char32_t c) {
    const bool space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                       (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
    return space ? U' ' : c;
  });
}

void apply_strip_accents(AlignedText& text) {
  drop_characters(text, [](char32_t c) { return has(c, kCombining); });
}

// The original BERT's BasicTokenizer, as far as it does not cut.
class Bert : public Normalizer {
 public:
  explicit Bert(const BertNormalizerOptions& options) : options_(options) {}

  void normalize(AlignedText& text) const override {
    if (options_.clean_text) clean(text);
    if (options_.handle_chinese_chars && !is_ascii(text.text())) {
      space_characters(text, is_chinese);
    }
    if (options_.strip_accents && !is_ascii(text.text())) {
      apply_normal_form(text, NormalForm::nfd);
      drop_characters(text, [](char32_t c) { return has(c, kNonspacing); });
    }
    if (options_.lowercase) apply_lowercase(text);
  }

 private:
  static void clean(AlignedText& text) {
    drop_characters(text, [](char32_t c) {
      return c < 0x7F ? c < ' ' && c != '\t' && c != '\n' && c != '\r' : has(c, kBertRemoved);
    });
    map_characters(text, [](char32_t c) {
      if (c < 0x7F) return c < ' ' ? U' ' : c;
      return has(c, kWhite) ? U' ' : c;
    });
  }
  // The blocks of CJK ideographs, as the reference has them.
  static bool is_chinese(char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
  }
  BertNormalizerOptions options_;
};

std::unique_ptr<Normalizer> make(const Json& json, int depth) {
  const std::string_view type = json.at("type").as_string();
  if (type == "Sequence") {
    check(depth < kDeepest, ErrorCode::unsupported, "{}: sequences nested {} deep", json, depth);
    std::vector<std::unique_ptr<Normalizer>> all;
    json.at("normalizers").each_element([&](size_t, const Json& element) {
      all.push_back(make(element, depth + 1));
    });
    return std::make_unique<Sequence>(std::move(all));
  }
  if (type == "NFC") return std::make_unique<UnicodeForm>(NormalForm::nfc);
  if (type == "NFD") return std::make_unique<UnicodeForm>(NormalForm::nfd);
  if (type == "NFKC") return std::make_unique<UnicodeForm>(NormalForm::nfkc);
  if (type == "NFKD") return std::make_unique<UnicodeForm>(NormalForm::nfkd);
  if (type == "Lowercase") return std::make_unique<Plain>(apply_lowercase);
  if (type == "StripAccents") return std::make_unique<Plain>(apply_strip_accents);
  if (type == "Nmt") return std::make_unique<Plain>(apply_nmt);
  if (type == "ByteLevel") return std::make_unique<Plain>(spell_bytes);
  if (type == "Strip") {
    return std::make_unique<Strip>(json.at("strip_left").as_bool(),
                                   json.at("strip_right").as_bool());
  }
  if (type == "Replace") return std::make_unique<Replace>(json);
  if (type == "Prepend") return std::make_unique<Prepend>(json.at("prepend").as_string());
  if (type == "Precompiled") return make_precompiled(json);
  if (type == "BertNormalizer") {
    const bool lower = json.at("lowercase").as_bool();
    return make_bert_normalizer({.clean_text = json.at("clean_text").as_bool(),
                                 .handle_chinese_chars = json.at("handle_chinese_chars").as_bool(),
                                 .strip_accents = json.get("strip_accents", lower),
                                 .lowercase = lower});
  }
  fail(ErrorCode::unsupported, "{}: normalizer \"{}\"", json, type);
}

}  // namespace

std::unique_ptr<Normalizer> make_normalizer(const Json& json) {
  return make(json, 0);
}

std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerOptions& options) {
  return std::make_unique<Bert>(options);
}

}  // namespace transept
