#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "application/inputs/vector_reader.hpp"
#include "application/restart/kept_blocks.hpp"
#include "application/tasks/task.hpp"

namespace kronwerk::application {

/// @throws ShapeError unless `what` holds as many vectors as the input. Local.
void check_count(const VectorReader& reader, Index count, const std::string& what);

/// Where the job says that iterations start, of `count` vectors; empty if it does not. Collective.
/// @throws ShapeError for another number of vectors, else as VectorReader
std::optional<VectorReader> open_initial_guess(const communication::Communicator& comm,
                                               const configuration::Job& job,
                                               const core::Extents& extents, Index count);
/// That a guess is of no use to the method that was chosen.
void warn_of_idle_guess(Stages& stages, const std::string& method);

/// What 'apply' and 'solve' share: vectors are read, worked on and written in blocks, and
/// derivatives by parameters are summed over the blocks.
class VectorTask {
 public:
  explicit VectorTask(TaskContext& context);
  virtual ~VectorTask() = default;
  VectorTask(const VectorTask&) = delete;
  VectorTask& operator=(const VectorTask&) = delete;

  /// Collective.
  void run();

 protected:
  using Block = std::vector<double>;

  /// Builds the operators for blocks of `size` vectors.
  virtual void build(Index size) = 0;
  /// The layouts of a block.
  virtual const distribution::Layout& input_layout() const = 0;
  virtual const distribution::Layout& output_layout() const = 0;
  /// Whether compute() takes the stored entries of a sparse input, in fibres_, instead of input_.
  virtual bool takes_fibres() const { return false; }
  /// Works on the block of vectors from `first` on; the input is in input_.
  virtual void compute(Index first) = 0;
  virtual void gradient(Index first) = 0;
  virtual void tangent(Index first) = 0;
  /// Sets the report.
  virtual void finish() = 0;
  /// What is known of the blocks until now, for a run that goes on with the next one. Local.
  virtual void keep(Checkpoint& /*checkpoint*/) {}
  virtual void resume(const Checkpoint& /*checkpoint*/) {}

  const communication::Communicator& comm() const { return context_.comm; }
  const configuration::Job& job() const { return context_.job; }
  TaskContext& context() { return context_; }
  const VectorReader& input() const { return input_reader_; }
  Index count() const { return input_reader_.shape().count; }
  Index batch() const { return batch_; }
  /// Prints the line of a stage if it will not run again.
  void report_stage(const std::string& name, const std::string& detail);

  /// Makes room for this rank's home block; collective, because memory may be short on some ranks.
  void resize(Block& block, const distribution::Layout& layout) const;
  /// The cotangent's block: `result`, or read into `block`.
  std::span<const double> cotangent(Index first, std::span<const double> result, Block& block);
  /// The direction of the transformed input in `block`; zero if the job gives none.
  void read_direction(Index first, Block& block, Block& scratch);
  void write(const std::string& path, Index first, const distribution::Layout& layout,
             std::span<const double> values);
  void add_gradient(const std::string& parameter, double value) { gradients_[parameter] += value; }
  /// The derivatives' operators with the split of the main one.
  std::map<std::string, OperatorPtr> build_derivatives(
      Index size, int leading_modes, const operators::Judging* judging = nullptr) const;

  Block input_;
  io::SparseFibres fibres_;
  Block result_;
  Statistics result_statistics_;

 private:
  void run_block(Index first, Index size);
  std::vector<KeptBlocks::Dataset> declare_datasets();
  void keep_sums();
  void resume_sums();
  void write_gradients();

  TaskContext& context_;
  VectorReader input_reader_;
  VectorShape output_shape_;
  std::optional<VectorReader> cotangent_reader_;
  std::optional<VectorReader> direction_reader_;
  Index batch_;
  Index built_ = 0;  ///< vectors that the operators are for
  bool last_block_ = false;
  std::map<std::string, double> gradients_;
};

}  // namespace kronwerk::application
