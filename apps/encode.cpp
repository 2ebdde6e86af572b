// transept encode: a text read once, kept as a memory file.
#include <fmt/format.h>

#include "base/error.h"
#include "common.h"
#include "reading.h"

namespace transept::cli {
namespace {

class EncodeVerb : public Verb {
 public:
  void declare(Options& options) override {
    common_.declare(options);
    languages_.declare(options);
    input_.declare(options);
    reader_.declare(options);
    options.text("output", "FILE", output_, "the memory file to write");
  }

  void run(Options& options) override {
    check(!output_.empty(), ErrorCode::usage,
          "encode: --output is missing; name the memory file to write, like report.memory");
    const Model model = common_.load(options);
    check(model.has_encoder(), ErrorCode::unsupported,
          "{}: a decoder on its own has no encoder; there is nothing to keep", common_.model);
    // The whole input is one text: a document keeps its newlines.
    reader_.start(model, languages_.of(options, model));
    Line document = Lines(input_, options, common_.quiet).document();
    const Memory memory = read(model, document);
    {
      const InterruptGuard guard;
      memory.save(output_);
    }
    if (!common_.quiet)
      message(fmt::format("transept: {}: {} rows of {}, {} bytes in memory{}", output_,
                          memory.rows(), memory.width(), memory.bytes(), next_step(model)));
  }

 private:
  // An encoder on its own answers nothing.
  [[nodiscard]] std::string next_step(const Model& model) const {
    if (!model.has_decoder()) return "";
    return fmt::format("; answer from it with: transept generate {} --memory {}", common_.model,
                       output_);
  }

  [[nodiscard]] Memory read(const Model& model, Line& document) {
    if (input_.source_ids)
      for (char& c : document.text)
        if (c == '\n') c = ' ';
    const Reading reading = reader_.read(document, input_.source_ids);
    const bool is_whole = reading.parts.size() == 1 && !input_.source_ids;
    if (is_whole && model.fits(document.text, reader_.languages()))  // keeps the text's hash
      return model.encode(document.text, reader_.languages());
    return memory_of(model, reading);
  }

  CommonOptions common_;
  LanguageOptions languages_;
  InputOptions input_;
  TextReader reader_{{"error", "split", "cut"}};
  std::string output_;
};

}  // namespace

VerbEntry encode_verb() {
  return {"encode", "input text to a memory file, read once",
          "transept encode flan-t5-small --input-file report.txt --output report.memory\n"
          "transept generate flan-t5-small --memory report.memory",
          [] { return std::unique_ptr<Verb>(std::make_unique<EncodeVerb>()); }};
}

}  // namespace transept::cli
