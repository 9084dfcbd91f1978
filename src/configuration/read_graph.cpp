// Declared in configuration/tree_reader.hpp.
#include <fmt/format.h>

#include <cmath>

#include "configuration/tree_reader.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {
namespace {

Placed<std::string> penalty_of(const TreeReader& reader, const Tree& tree) {
  const auto value = to_number(tree);
  if (value && *value < 0) {
    reader.fail(tree.position,
                fmt::format("'penalty' must be at least 0, found {}: a negative penalty rewards "
                            "edges, and the problem has no minimum",
                            tree.text));
  }
  return TreeReader::placed(tree);
}

void read_penalty(const TreeReader& reader, GraphRequest& graph) {
  const Tree& tree = reader.require("penalty");
  if (tree.kind != Tree::Kind::list) {
    graph.penalty.push_back(penalty_of(reader, tree));
    return;
  }
  const std::size_t modes = graph.extents.value.size();
  if (tree.items.size() != modes) {
    reader.fail(tree.position, fmt::format("'penalty' has {} values for the {} modes of 'extents': "
                                           "give one for each mode, or one for all",
                                           tree.items.size(), modes));
  }
  for (const Tree& item : tree.items) graph.penalty.push_back(penalty_of(reader, item));
}

void read_grams(const TreeReader& reader, const Tree& tree, GraphRequest& graph) {
  if (const Tree* input = reader.find("input")) {
    reader.fail(input->position,
                "'input' and 'grams' exclude each other: the Grams are computed from the samples, "
                "or given");
  }
  if (const Tree* centre = reader.find("centre"); centre != nullptr && centre->text != "none") {
    reader.fail(centre->position,
                "'centre' needs the samples: Grams that are given are taken as they are");
  }
  graph.grams = {reader.dataset(tree, "grams"), 1, tree.position};
  if (const Tree* samples = tree.find("samples")) graph.grams->samples = *to_integer(*samples);
}

}  // namespace

void read_graph(const TreeReader& reader, Job& job) {
  GraphRequest graph;
  for (const SweepAxis& axis : job.sweep) {
    if (job.parameters.contains(axis.name)) continue;
    reader.fail(axis.position,
                fmt::format("'sweep' names '{}'; a path of graphs is of parameters of the penalty",
                            axis.name));
  }
  const Tree& extents = reader.require("extents");
  graph.extents = {reader.extents(extents, "extents"), extents.position};
  read_penalty(reader, graph);
  if (const Tree* grams = reader.find("grams")) {
    read_grams(reader, *grams, graph);
  } else {
    reader.require("input");
  }
  if (const Tree* centre = reader.find("centre")) {
    graph.centre = TreeReader::choice<Centre>(*centre, "centre");
  }
  if (const Tree* trace = reader.find("trace")) {
    graph.trace = TreeReader::choice<TraceChoice>(*trace, "trace");
  }
  if (const Tree* weights = reader.find("weights")) {
    graph.weights = {reader.dataset(*weights, "weights"), weights->position};
  }
  if (const Tree* held_out = reader.find("held_out")) {
    graph.held_out = reader.vector_source(*held_out, "held_out");
  }
  if (const Tree* gamma = reader.find("ebic_gamma")) graph.gamma = *to_number(*gamma);
  job.graph = std::move(graph);
}

}  // namespace kronwerk::configuration
