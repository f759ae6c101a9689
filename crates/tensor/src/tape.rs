//! [`Tape`]: the list of what was computed, in order.
//!
//! Every operation on a tracked [`Var`] appends a node: which op, from which earlier nodes, and the values that its
//! derivative will need. An op can only use values that exist, so the order of the list is a topological order of the
//! graph, and the reverse sweep ([`grad`](crate::grad())) is a single loop from back to front.

use core::fmt;
use std::cell::RefCell;
use std::rc::Rc;

use kernels::Element;
use kernels::timing::{self, Direction};

use crate::observer::{Made, TapeObserver};
use crate::op::{Op, Saves};
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::var::Var;

/// The place of a node on its tape.
pub type NodeId = usize;

/// An input of a node.
#[derive(Clone)]
pub(crate) struct Operand<T: Element> {
    /// None for a constant.
    pub(crate) node: Option<NodeId>,
    pub(crate) shape: Shape,
    /// Kept only if the op's derivative reads it.
    pub(crate) value: Option<Tensor<T>>,
}

/// One recorded operation.
pub(crate) struct Node<T: Element> {
    /// None for a leaf: a variable that was put on the tape.
    pub(crate) op: Option<Rc<dyn Op<T>>>,
    pub(crate) inputs: Vec<Operand<T>>,
    pub(crate) shape: Shape,
    /// Kept only if the op's derivative reads it.
    pub(crate) output: Option<Tensor<T>>,
    /// Who asked for it: the name of a variable, or the path of the layer.
    pub(crate) scope: Rc<str>,
    /// A sweep has been here and dropped what was kept.
    pub(crate) freed: bool,
}

impl<T: Element> Node<T> {
    pub(crate) fn op_name(&self) -> &'static str {
        self.op.as_ref().map_or("variable", |op| op.name())
    }
}

pub(crate) struct Record<T: Element> {
    pub(crate) nodes: Vec<Node<T>>,
    scope: Rc<str>,
    observer: Option<Rc<dyn TapeObserver<T>>>,
}

/// The list of what was computed. A clone is another handle of the same tape; when the last handle (and the last
/// tracked [`Var`]) is dropped, all that was kept for the derivatives is freed.
pub struct Tape<T: Element = f32>(pub(crate) Rc<RefCell<Record<T>>>);

impl<T: Element> Clone for Tape<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: Element> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> Tape<T> {
    /// An empty tape.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// An empty tape that tells `observer` of all that happens. Layers then do their work op by op, so that every value is seen.
    pub fn observed(observer: Rc<dyn TapeObserver<T>>) -> Self {
        Self::with(Some(observer))
    }

    fn with(observer: Option<Rc<dyn TapeObserver<T>>>) -> Self {
        Self(Rc::new(RefCell::new(Record { nodes: Vec::new(), scope: "".into(), observer })))
    }

    /// Puts `value` on the tape as something to differentiate by.
    #[track_caller]
    pub fn variable(&self, name: &str, value: Tensor<T>) -> Var<T> {
        let shape = *value.shape();
        let node = Node { op: None, inputs: vec![], shape, output: None, scope: name.into(), freed: false };
        self.push(node, &[], value, Saves::NOTHING)
    }

    /// A value that is not differentiated by. (The tape keeps no node of it; the same as [`Var::constant`].)
    pub fn constant(&self, value: Tensor<T>) -> Var<T> {
        Var::constant(value)
    }

    /// Runs `body` with `name` added to the path that the nodes made in it carry: `generator.conv1`.
    pub fn scoped<R>(&self, name: &str, body: impl FnOnce() -> R) -> R {
        let outer = self.scope();
        let inner = if outer.is_empty() { name.into() } else { format!("{outer}.{name}").into() };
        self.on_behalf_of(inner, Direction::Forward, body)
    }

    /// Runs `body` with this path for the nodes made in it, and for the profiler.
    pub(crate) fn on_behalf_of<R>(&self, scope: Rc<str>, direction: Direction, body: impl FnOnce() -> R) -> R {
        let _guard = timing::enter(&scope, direction);
        let outer = core::mem::replace(&mut self.0.borrow_mut().scope, scope);
        let result = body();
        self.0.borrow_mut().scope = outer;
        result
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.0.borrow().nodes.len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Who looks on, if anybody does.
    pub fn observer(&self) -> Option<Rc<dyn TapeObserver<T>>> {
        self.0.borrow().observer.clone()
    }

    /// Appends a node whose value is `value`, made from `inputs`.
    #[track_caller]
    pub(crate) fn push(&self, node: Node<T>, inputs: &[&Var<T>], value: Tensor<T>, saves: Saves) -> Var<T> {
        let id = self.len();
        if let Some(observer) = self.observer() {
            let Node { op, scope, .. } = &node;
            let at = core::panic::Location::caller();
            observer.made(&Made { node: id, op: op.as_ref(), inputs, value: &value, saves, scope, at });
        }
        self.0.borrow_mut().nodes.push(node);
        Var::tracked(value, self.clone(), id)
    }

    /// The op of a node, and who asked for it.
    pub(crate) fn who(&self, id: NodeId) -> (&'static str, Rc<str>) {
        let node = &self.0.borrow().nodes[id];
        (node.op_name(), Rc::clone(&node.scope))
    }

    pub(crate) fn scope(&self) -> Rc<str> {
        Rc::clone(&self.0.borrow().scope)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// One line per node: its number, the op with its attributes, the numbers of its inputs (`-` for a constant), its shape
/// and its scope.
impl<T: Element> fmt::Display for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0.borrow();
        writeln!(f, "{:>4}  {:<40} {:<14} {:<22} scope", "node", "op", "inputs", "shape")?;
        for (id, node) in record.nodes.iter().enumerate() {
            let attributes = node.op.as_ref().map(|op| op.attributes()).unwrap_or_default();
            let op = if attributes.is_empty() {
                node.op_name().into()
            } else {
                format!("{} ({attributes})", node.op_name())
            };
            let inputs: Vec<_> = node.inputs.iter().map(|i| i.node.map_or("-".into(), |id| id.to_string())).collect();
            let shape = node.shape.to_string();
            let line = format!("{id:>4}  {op:<40} {:<14} {shape:<22} {}", inputs.join(" "), node.scope);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
