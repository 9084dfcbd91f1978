#pragma once

#include <algorithm>
#include <string>

#include "configuration/tree.hpp"
#include "configuration/validate.hpp"
#include "kronwerk/configuration/job.hpp"

namespace kronwerk::configuration {

/// Reads values of a tree that the schema has accepted.
class TreeReader {
 public:
  /// @param tree, job  must outlive this; of the job, only `file` and `external_data` are read
  TreeReader(const Tree& tree, const Job& job) : tree_(tree), job_(job) {}

  const Tree& tree() const noexcept { return tree_; }
  const Tree* find(const std::string& key) const { return tree_.find(key); }

  /// @throws ConfigurationError "file:line:column: WHAT"
  [[noreturn]] void fail(const Position& position, const std::string& what) const;
  /// The key that the task cannot do without. @throws ConfigurationError if it is not there
  const Tree& require(const std::string& key) const;
  /// A file name, relative to the configuration file's directory.
  std::string resolve(const Tree& path) const;
  /// The keys `file` and `dataset` of a map at `path`.
  DatasetReference dataset(const Tree& tree, const std::string& path) const;
  /// The extents of a grid. @throws ConfigurationError for none
  core::Extents extents(const Tree& tree, const std::string& key) const;
  /// A file, or random numbers.
  VectorSource vector_source(const Tree& tree, const std::string& path) const;
  static Placed<std::string> placed(const Tree& scalar) { return {scalar.text, scalar.position}; }

  /// Position of the text among the choices of the key: the enumerators are in the schema's order.
  template <typename Enumeration>
  static Enumeration choice(const Tree& tree, const std::string& path) {
    const auto& choices = find_entry(path)->choices;
    const auto found = std::ranges::find(choices, tree.text);
    return static_cast<Enumeration>(found - choices.begin());
  }

 private:
  const Tree& tree_;
  const Job& job_;
};

// The parts of a job, each with its checks.
void read_kernels(const TreeReader& reader, Job& job);
void read_reduce(const TreeReader& reader, Job& job);
void read_gaussian(const TreeReader& reader, Job& job);
/// The likelihood of a Gaussian job; absent if there is none.
std::optional<LikelihoodRequest> read_likelihood(const TreeReader& reader, const Job& job,
                                                 const GaussianRequest& gaussian);
void read_flow(const TreeReader& reader, Job& job);
ObservationsRequest read_observations(const TreeReader& reader);
/// How many draws are asked for: 1 of `sample`, else none, unless the job says. @throws
/// ConfigurationError for none of `sample`
core::Index read_draws(const TreeReader& reader, const Job& job);
/// One parameter to vary: its bounds and its prior.
FitParameter read_parameter(const TreeReader& reader, const TreeEntry& entry,
                            const std::string& path);
/// The map of parameters to vary at `path`.
std::map<std::string, FitParameter> read_varied(const TreeReader& reader, const Job& job,
                                                const Tree& tree, const std::string& path);
void read_graph(const TreeReader& reader, Job& job);
void read_posterior(const TreeReader& reader, Job& job);
/// @param counts  of a count model: other things are estimated too, by a method of choice
FitRequest read_fit(const TreeReader& reader, const Job& job, bool counts);

}  // namespace kronwerk::configuration
