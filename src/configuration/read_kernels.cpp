// Declared in configuration/tree_reader.hpp.
#include <fmt/format.h>

#include "configuration/tree_reader.hpp"

namespace kronwerk::configuration {
namespace {

PointsReference variable(const TreeReader& reader, const Tree& tree, const std::string& path) {
  return {reader.dataset(tree, path),
          TreeReader::choice<PointIndex>(*tree.find("index"), "points.*.index"), tree.position};
}

void check_name(const TreeReader& reader, const Job& job, const std::string& name,
                const Position& position, const char* what) {
  const char* other = job.parameters.contains(name) ? "a parameter"
                      : job.matrices.contains(name) ? "a matrix"
                                                    : nullptr;
  if (other == nullptr) return;
  reader.fail(position, fmt::format("'{}' names both {} and {}; rename one", name, other, what));
}

void read_points(const TreeReader& reader, const Job& job, const Tree& tree,
                 const std::string& path, KernelRequest& kernel) {
  if (tree.find("file") != nullptr || tree.find("dataset") != nullptr) {
    for (const TreeEntry& entry : tree.entries) {
      if (entry.key == "file" || entry.key == "dataset" || entry.key == "transpose") continue;
      reader.fail(entry.position,
                  fmt::format("'{0}' gives one set of points by 'file' and 'dataset' and the "
                              "variable '{1}' as well; use one of the two forms",
                              path, entry.key));
    }
    kernel.points = reader.dataset(tree, path);
    return;
  }
  for (const TreeEntry& entry : tree.entries) {
    check_name(reader, job, entry.key, entry.position, "a variable");
    kernel.variables[entry.key] = variable(reader, entry.value, path + "." + entry.key);
  }
  if (kernel.variables.empty()) {
    reader.fail(tree.position,
                fmt::format("'{}' is empty: give 'file' and 'dataset', or variables", path));
  }
}

KernelRequest kernel_request(const TreeReader& reader, const Job& job, const TreeEntry& entry) {
  const std::string path = "kernels." + entry.key;
  const Tree& tree = entry.value;
  KernelRequest kernel;
  kernel.position = entry.position;
  kernel.formula = TreeReader::placed(*tree.find("formula"));
  read_points(reader, job, *tree.find("points"), path + ".points", kernel);
  if (const Tree* distance = tree.find("distance")) {
    if (!kernel.points) {
      reader.fail(distance->position, fmt::format("'{0}.distance' needs '{0}.points' with 'file' "
                                                  "and 'dataset', which give `d` a meaning",
                                                  path));
    }
    kernel.distance = TreeReader::choice<DistanceKind>(*distance, "kernels.*.distance");
  }
  if (const Tree* jitter = tree.find("jitter")) {
    if (!kernel.points) {
      reader.fail(jitter->position, fmt::format("'{0}.jitter' needs '{0}.points' with 'file' and "
                                                "'dataset': the same points for rows and columns",
                                                path));
    }
    kernel.jitter = *to_number(*jitter);
  }
  if (const Tree* storage = tree.find("storage")) {
    kernel.storage = TreeReader::choice<KernelStorage>(*storage, "kernels.*.storage");
  }
  return kernel;
}

void read_block_sparse(const TreeReader& reader, ReduceRequest& request) {
  const Tree* tree = reader.find("block_sparse");
  if (tree == nullptr) return;
  ReduceRequest::BlockSparse sparse;
  sparse.position = tree->position;
  const auto& points = tree->find("points")->items;
  const auto check = [&](const Tree& item, PointIndex index, const char* which) {
    const auto found = request.variables.find(item.text);
    if (found != request.variables.end() && found->second.index == index) return;
    reader.fail(item.position, fmt::format("'block_sparse.points' takes a variable of i, then one "
                                           "of j; '{}' is no variable of {}",
                                           item.text, which));
  };
  if (points.size() != 2) {
    reader.fail(tree->find("points")->position,
                fmt::format("'block_sparse.points' takes two names, found {}", points.size()));
  }
  check(points[0], PointIndex::i, "i");
  check(points[1], PointIndex::j, "j");
  sparse.row_points = points[0].text;
  sparse.column_points = points[1].text;
  if (const Tree* range = tree->find("range")) sparse.range = to_number(*range);
  if (const Tree* tolerance = tree->find("tolerance")) sparse.tolerance = to_number(*tolerance);
  if (!sparse.range && !sparse.tolerance) {
    reader.fail(tree->position, "'block_sparse' needs 'range' or 'tolerance'");
  }
  request.block_sparse = std::move(sparse);
}

void read_precision(const TreeReader& reader, Job& job) {
  if (const Tree* precision = reader.find("precision")) {
    job.precision = TreeReader::choice<FloatKind>(*precision, "precision");
  }
}

}  // namespace

void read_kernels(const TreeReader& reader, Job& job) {
  const Tree* kernels = reader.find("kernels");
  if (kernels == nullptr || job.task == Task::project) return;
  for (const TreeEntry& entry : kernels->entries) {
    check_name(reader, job, entry.key, entry.position, "a kernel");
    job.kernels[entry.key] = kernel_request(reader, job, entry);
  }
  read_precision(reader, job);
}

void read_reduce(const TreeReader& reader, Job& job) {
  ReduceRequest request;
  request.formula = TreeReader::placed(reader.require("formula"));
  for (const TreeEntry& entry : reader.require("points").entries) {
    check_name(reader, job, entry.key, entry.position, "a variable");
    request.variables[entry.key] = variable(reader, entry.value, "points." + entry.key);
  }
  if (const Tree* over = reader.find("over")) {
    request.over = TreeReader::choice<PointIndex>(*over, "over");
  }
  const Tree& reduction = reader.require("reduction");
  if (reduction.kind == Tree::Kind::list) {
    for (const Tree& item : reduction.items) {
      request.reductions.push_back(TreeReader::placed(item));
    }
    if (reduction.items.empty()) reader.fail(reduction.position, "'reduction' is empty");
  } else {
    request.reductions.push_back(TreeReader::placed(reduction));
  }
  if (const Tree* k = reader.find("k")) request.k = *to_integer(*k);
  if (const Tree* weight = reader.find("weight")) request.weight = TreeReader::placed(*weight);
  read_block_sparse(reader, request);
  read_precision(reader, job);
  job.reduce = std::move(request);
}

}  // namespace kronwerk::configuration
