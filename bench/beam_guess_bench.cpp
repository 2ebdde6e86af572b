// Could guessing (generate/draft.h) save steps of a beam search? A step is saved only if all
// hypotheses that run on are ones whose next logits are known already: each the one guessed
// continuation of a hypothesis before it. Counts, over a file's lines, with 4 beams:
//   in how many steps every hypothesis goes on in exactly one (the most that any guess could save),
//   in how many of these the lookup guesses every one of them,
//   and how often it guesses what the best one goes on with.
//
//   beam_guess_bench MODEL FILE [PROMPT] [PREFIX of each line]
#include <fmt/core.h>

#include <fstream>
#include <map>
#include <set>

#include "api/implementation.h"  // the embedded model, and Memory as the model's type
#include "generate/draft.h"
#include "generate/generate.h"
#include "io/checkpoint.h"
#include "model/encoder.h"
#include "text/tokenizer.h"
#include "trace/beam_tree.h"

namespace transept {
namespace {

constexpr size_t kMostLines = 60;

struct Counts {
  int steps = 0;
  int one_each = 0;
  int all_guessed = 0;
  int best_guessed = 0;
};

// Of a node and all before it.
std::vector<Token> tokens_of(const BeamTree& tree, int node, const std::vector<Token>& prompt) {
  std::vector<Token> tokens;
  for (; node >= 0; node = tree.nodes[static_cast<size_t>(node)].parent)
    tokens.push_back(tree.nodes[static_cast<size_t>(node)].token);
  tokens.insert(tokens.end(), prompt.rbegin(), prompt.rend());
  return {tokens.rbegin(), tokens.rend()};
}

void count(const BeamTree& tree, std::span<const Token> source, const std::vector<Token>& prompt,
           Counts& counts) {
  std::map<int, std::vector<int>> running;  // by step, best first
  for (size_t i = 0; i < tree.nodes.size(); ++i) {
    if (tree.nodes[i].fate == BeamSession::Fate::running)
      running[tree.nodes[i].step].push_back(static_cast<int>(i));
  }
  for (const auto& [step, children] : running) {
    if (step == 0) continue;  // the prompt's step is needed anyway
    ++counts.steps;
    std::set<int> parents;
    bool all = true;
    for (const int child : children) {
      const BeamTree::Node& node = tree.nodes[static_cast<size_t>(child)];
      parents.insert(node.parent);
      Drafter drafter(source, 8);  // a new one never pauses
      const std::vector<Token> guess = drafter.propose(tokens_of(tree, node.parent, prompt), 1);
      const bool hit = !guess.empty() && guess.front() == node.token;
      counts.best_guessed += hit && child == children.front();
      all = all && hit;
    }
    if (parents.size() < children.size()) continue;
    ++counts.one_each;
    counts.all_guessed += all;
  }
}

int run(int argc, char** argv) {
  const auto argument = [&](int i) { return argc > i ? std::string(argv[i]) : std::string(); };
  const std::filesystem::path folder =
      argument(1) == "default" ? api::default_model() : std::filesystem::path(argument(1));
  ThreadPool pool(2);
  const Checkpoint checkpoint = load_checkpoint(folder, pool);
  const Transformer& model = *checkpoint.model;
  const auto tokenizer = load_tokenizer(folder);
  Arena arena;
  Context c{arena, pool, chosen_kernels()};
  GenerateOptions options =
      options_from_json(checkpoint.config_json, checkpoint.generation_config_json);
  options.beams = 4;
  options.max_new_tokens = 200;
  std::vector<Token> prompt;
  if (!argument(3).empty())
    prompt = tokenizer->encode(argument(3), {.special_tokens = false, .target_side = true}).ids;
  Counts counts;
  std::ifstream file(argument(2));
  size_t lines = 0;
  for (std::string line; lines < kMostLines && std::getline(file, line); ++lines) {
    const std::vector<Token> source = tokenizer->encode(argument(4) + line).ids;
    const Memory memory = encode_memories(c, model, std::span(&source, 1)).front();
    count(trace_beams(c, model, memory, options, prompt), source,
          decoder_prompt(options, model.config, prompt), counts);
  }
  const auto share = [&](int n) { return 100.0 * n / std::max(counts.steps, 1); };
  fmt::print(
      "{} inputs, {} steps of 4 beams: every hypothesis goes on in exactly one in {:.1f} % of "
      "them, and all are guessed in {:.1f} %; the best one is guessed in {:.1f} %\n",
      lines, counts.steps, share(counts.one_each), share(counts.all_guessed),
      share(counts.best_guessed));
  return 0;
}

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  return transept::run(argc, argv);
}
