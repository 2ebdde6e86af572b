#include "trace/beam_tree.h"

#include "generate/generate.h"
#include "generate/step.h"

namespace transept {
namespace {

// The nodes that a hypothesis went through.
std::vector<int> path_of(const BeamTree& tree, const std::vector<Token>& ids) {
  std::vector<int> path;
  int parent = -1;
  for (size_t step = 0; step < ids.size(); ++step) {
    for (size_t i = 0; i < tree.nodes.size(); ++i) {
      const BeamTree::Node& node = tree.nodes[i];
      if (node.step != static_cast<int>(step) || node.parent != parent || node.token != ids[step])
        continue;
      path.push_back(static_cast<int>(i));
      break;
    }
    if (path.size() != step + 1) break;
    parent = path.back();
  }
  return path;
}

}  // namespace

BeamTree trace_beams(Context& c, const Transformer& model, const Memory& memory,
                     const GenerateOptions& search, const std::vector<Token>& prompt) {
  check_memory(model, memory);
  check_options(search, model.config);
  check(search.beams >= 2 && !search.sample, ErrorCode::usage,
        "a beam tree needs a search with 2 beams or more and no sampling");
  BeamTree tree;
  BeamSession session(model.config, search, prompt, memory);
  std::vector<BeamSession::Weighed> weighed;
  session.watch(&weighed);
  std::vector<int> node_of = {-1};  // of the running hypotheses
  for (int step = 0; !session.finished(); ++step) {
    run_step(c, model, step_rows(session));
    session.advance();
    std::vector<int> next(weighed.size(), -1);
    for (const BeamSession::Weighed& w : weighed) {
      if (w.child >= 0) next[static_cast<size_t>(w.child)] = static_cast<int>(tree.nodes.size());
      tree.nodes.push_back(
          {node_of[static_cast<size_t>(w.parent)], step, w.token, w.logprob, w.score, w.fate});
    }
    node_of = std::move(next);
  }
  tree.hypotheses = session.take_results();
  for (const Hypothesis& hypothesis : tree.hypotheses)
    tree.paths.push_back(path_of(tree, hypothesis.ids));
  return tree;
}

}  // namespace transept
