// transept tokenize: text -> ids, pieces or offsets; ids -> text. Needs only tokenizer files.
#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "reading.h"

namespace transept::cli {
namespace {

class TokenizeVerb : public Verb {
 public:
  void declare(Options& options) override {
    common_.declare(options);
    languages_.declare(options);
    input_.declare_keep_cr(options);
    options.text("input", "TEXT", input_.input, "the text (with --decode: the ids)");
    options.text("input-file", "FILE", input_.input_file, "read from a file, line by line");
    options.flag("pieces", pieces_, "print pieces instead of ids");
    options.flag("offsets", offsets_, "print begin:end in code points of the line instead of ids");
    options.flag("decode", decode_, "read ids, print text; special tokens are skipped");
    options.flag("target", target_, "the target side, where the two differ (Marian)");
    options.flag("plain", plain_, "add no special tokens; with --decode: skip none");
  }

  void run(Options& options) override {
    check(int{pieces_} + int{offsets_} + int{decode_} <= 1, ErrorCode::usage,
          "--pieces, --offsets and --decode exclude each other: give one");
    const Tokenizer tokenizer =
        Tokenizer::load(model_folder(common_.model), common_.load_options());
    CommonOptions::check_effect(options, tokenizer);
    asked_ = languages_.of(options, tokenizer);
    Lines lines(input_, options, common_.quiet);
    constexpr size_t kWindow = 1024;
    for (;;) {
      const std::vector<Line> window = lines.next(kWindow);
      if (window.empty()) return;
      try {
        for (const Line& line : window)
          standard_output().line(decode_ ? decoded(tokenizer, line) : encoded(tokenizer, line));
      } catch (const Error&) {
        standard_output().flush();
        throw;
      }
      standard_output().flush();
    }
  }

 private:
  std::string encoded(const Tokenizer& tokenizer, const Line& line) {
    const Tokenizer::Encoding encoding = at_line(line.where, [&] {
      return tokenizer.encode(line.text, {.special_tokens = !plain_,
                                          .target_side = target_,
                                          .source_language = asked_.source,
                                          .target_language = asked_.target});
    });
    if (common_.is_jsonl()) return encoded_json(tokenizer, encoding);
    if (!pieces_ && !offsets_) return ids_text(encoding.ids);
    std::string text;
    for (size_t i = 0; i < encoding.ids.size(); ++i) {
      if (i > 0) text += ' ';
      if (pieces_)
        text += one_line(tokenizer.piece(encoding.ids[i]));
      else
        text += fmt::format("{}:{}", encoding.offsets[i].begin, encoding.offsets[i].end);
    }
    return text;
  }

  std::string encoded_json(const Tokenizer& tokenizer, const Tokenizer::Encoding& encoding) {
    JsonWriter json;
    json.begin_object().member("input", input_index_++).key("ids").begin_array();
    for (const Token id : encoding.ids) json.value(id);
    json.end_array().key("pieces").begin_array();
    for (const Token id : encoding.ids) json.value(tokenizer.piece(id));
    json.end_array().key("offsets").begin_array();
    for (const Tokenizer::Offset& offset : encoding.offsets)
      json.begin_array().value(offset.begin).value(offset.end).end_array();
    json.end_array().end_object();
    return json.take();
  }

  std::string decoded(const Tokenizer& tokenizer, const Line& line) {
    const std::vector<Token> ids = parse_ids(line.text, line.where);
    std::string text = at_line(line.where, [&] { return tokenizer.decode(ids, !plain_); });
    if (!common_.is_jsonl()) return one_line(std::move(text));
    JsonWriter json;
    json.begin_object().member("input", input_index_++).member("text", text).end_object();
    return json.take();
  }

  CommonOptions common_;
  LanguageOptions languages_;
  Languages asked_;
  InputOptions input_;
  bool pieces_ = false;
  bool offsets_ = false;
  bool decode_ = false;
  bool target_ = false;
  bool plain_ = false;
  std::int64_t input_index_ = 0;
};

}  // namespace

VerbEntry tokenize_verb() {
  return {"tokenize", "text to token ids and pieces, and back",
          "echo \"Good morning.\" | transept tokenize flan-t5-small --pieces\n"
          "echo \"1804 1379 5 1\" | transept tokenize flan-t5-small --decode",
          [] { return std::unique_ptr<Verb>(std::make_unique<TokenizeVerb>()); }};
}

}  // namespace transept::cli
