//! Meta tensors: what creates them, and what their usage includes.

use std::thread;

use kernels::Padding;
use tensor::{Tensor, Var, meta};

#[test]
fn data_computed_from_meta_tensors_may_be_empty() {
    let doubled = |x: &Tensor| Tensor::new(x.shape(), x.data().iter().map(|x| 2.0 * x).collect());
    meta::run(|| {
        let x = Tensor::zeros([2, 30_000]);
        let before = meta::usage();
        let y = doubled(&x);
        assert!(y.is_meta() && y.shape() == x.shape() && y.data().is_empty());
        assert_eq!(meta::usage().live - before.live, 4 * 60_000, "it is accounted for at its full size");
        drop(y);
        assert_eq!(meta::usage().held, before.held, "and freed, as a vector is, not kept for the next tensor");
        assert_eq!((&Var::constant(x.clone()) + &Var::constant(doubled(&x))).sum().item(), 0.0);
    });
}

#[test]
#[should_panic(expected = "tensor: 5 numbers do not fill the shape [2, 3]")]
fn data_of_another_length_is_refused_in_meta_mode_too() {
    meta::run(|| Tensor::new(&[2, 3], vec![1.0_f32; 5]));
}

#[test]
#[should_panic(expected = "tensor: 0 numbers do not fill the shape [2, 3]")]
fn empty_data_is_refused_outside_meta_mode() {
    let _ = Tensor::<f32>::new(&[2, 3], vec![]);
}

#[test]
#[should_panic(expected = "tensor: 0 numbers do not fill the shape [2, 3]")]
fn empty_data_of_f64_is_refused_in_meta_mode() {
    meta::run(|| Tensor::<f64>::new(&[2, 3], vec![]));
}

#[test]
fn a_meta_tensor_can_be_printed() {
    let text = meta::run(|| format!("{:?} {:?}", Tensor::<f32>::zeros([2]), Tensor::<f32>::zeros([4, 5])));
    assert_eq!(text, "Tensor[2] [] Tensor[4, 5] []... (20 in all)");
}

#[test]
fn each_thread_has_packing_buffers_of_its_own_until_it_ends() {
    let convolve = || {
        let [x, w] = [[8_usize, 16, 16, 32], [5, 5, 32, 64]].map(|shape| Var::constant(Tensor::<f32>::zeros(shape)));
        drop(x.conv2d(&w, [1, 1], Padding::Same));
    };
    let packed = |others: usize| {
        meta::run(|| {
            convolve();
            for _ in 0..others {
                let account = meta::account();
                thread::spawn(move || meta::run_with(account, convolve)).join().expect("no panic");
            }
            meta::usage().packed
        })
    };
    assert!(packed(0) > 0);
    assert_eq!([packed(1), packed(2)], [2 * packed(0); 2]);
}
