#include "generate/generate.h"

#include "generate/restrict.h"
#include "generate/step.h"

namespace transept {

std::vector<Hypothesis> generate(Context& c, const Transformer& model, const Memory& memory,
                                 const std::vector<Token>& prompt, const GenerateOptions& options,
                                 const std::function<void(Token)>& on_token) {
  check_memory(model, memory);
  check_options(options, model.config);
  const std::span<const Token> source = memory.empty() ? std::span<const Token>() : memory.ids();
  const std::unique_ptr<Session> session = make_session(
      model.config, options, prompt, memory, allowed_outputs(c.pool, model, options, source));
  size_t streamed = 0;
  while (!session->finished()) {
    run_step(c, model, step_rows(*session));
    session->advance();
    if (!on_token) continue;
    for (const Token token : session->certain().subspan(streamed)) on_token(token);
    streamed = session->certain().size();
  }
  return session->take_results();
}

void check_memory(const Transformer& model, const Memory& memory) {
  check(model.config.has_decoder(), ErrorCode::usage,
        "{}: an encoder on its own, it generates nothing", model.config.family);
  if (model.config.has_encoder()) {
    check(!memory.empty(), ErrorCode::usage, "there is no input: the decoder reads a memory");
    check_belongs(memory, model);
  } else {
    check(memory.empty(), ErrorCode::usage, "{} has no encoder, its decoder reads no memory",
          model.config.family);
  }
}

}  // namespace transept
